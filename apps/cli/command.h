#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "core/result.h"
#include "core/runtime.h"

namespace edgefusion::cli {

/// Options every command has.
struct CommonOptions {
  int threads = 0;  ///< 0: one per CPU
  bool verbose = false;
};

/// Errors: unknown EDGEFUSION_ISA.
Result<Runtime> make_runtime(const CommonOptions& common);

/// Declares a command's options on `app` and returns what to run once they are parsed.
/// The result is printed as one line "edgefusion: error: ..." by main; exit code 1, or 130 when
/// cancelled.
using Action = std::function<Status(const CommonOptions&)>;

struct Command {
  const char* name;
  const char* summary;
  Action (*declare)(CLI::App& app);
};

Action declare_bench(CLI::App& app);
Action declare_convert(CLI::App& app);
Action declare_data(CLI::App& app);
Action declare_eval(CLI::App& app);
Action declare_exec(CLI::App& app);
Action declare_export_onnx(CLI::App& app);
Action declare_generate(CLI::App& app);
Action declare_inspect(CLI::App& app);
Action declare_kernels(CLI::App& app);
Action declare_plan(CLI::App& app);
Action declare_profile(CLI::App& app);
Action declare_quantize(CLI::App& app);
Action declare_tokenize(CLI::App& app);
Action declare_train(CLI::App& app);

}  // namespace edgefusion::cli
