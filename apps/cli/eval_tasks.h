#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace edgefusion::cli {

// The tasks of `eval`, each declared on a subcommand of its own.
Action declare_eval_steps(CLI::App& app);
Action declare_eval_sheet(CLI::App& app);
Action declare_eval_agreement(CLI::App& app);
Action declare_eval_clip(CLI::App& app);
Action declare_eval_fid(CLI::App& app);
Action declare_eval_is(CLI::App& app);

}  // namespace edgefusion::cli
