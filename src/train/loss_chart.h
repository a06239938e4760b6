#pragma once

#include <filesystem>

#include "core/result.h"

namespace edgefusion::train {

/// Draws the losses of a metrics.jsonl (and their terms, where it has some) over the steps as a
/// PNG. Errors: io.
Status write_loss_chart(const std::filesystem::path& metrics, const std::filesystem::path& png);

}  // namespace edgefusion::train
