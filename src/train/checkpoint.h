#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "pipeline/model.h"
#include "train/optimizer.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// Everything that changes while a U-Net is trained.
struct TrainState {
  int64_t step = 0;  ///< steps that are done
  Parameters parameters;
  Parameters average;  ///< frozen; what the model is saved with
  Optimizer optimizer;
};

/// A checkpoint is a diffusers folder that `generate` opens as it is, with the average as its U-Net
/// (f16), and beside it "training" with all that a run needs to go on bit for bit.

/// Writes `out`/checkpoint-<step>, whole or not at all, and removes older ones but for the newest
/// `keep`. changed: JSON files of the model's folder by relative path, the U-Net's config among
/// them; its other parts are linked or copied. Errors: io, resource_exhausted.
Status write_checkpoint(const std::filesystem::path& out, const pipeline::Model& model,
                        const std::map<std::string, nlohmann::json>& changed,
                        const TrainState& state, int keep);

/// The newest checkpoint below `out`, if there is one.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& out);

/// Takes over a checkpoint's weights, average, optimiser and step. The state's tensors decide names
/// and shapes. Errors: not_found, bad_file naming the tensor.
Status read_checkpoint(const std::filesystem::path& checkpoint, TrainState& state);

}  // namespace edgefusion::train
