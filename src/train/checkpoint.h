#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "train/optimizer.h"
#include "train/parameters.h"

namespace edgefusion::train {

/// The network that judges another one, while that is trained.
struct CriticState {
  Parameters parameters;
  Optimizer optimizer;
};

/// Everything that changes in a run.
struct TrainState {
  int64_t step = 0;  ///< steps that are done
  Parameters parameters;
  Parameters average;  ///< frozen; what the model is saved with
  Optimizer optimizer;
  std::optional<CriticState> critic;
};

/// Writes a model with these tensors into an empty folder.
using ModelWriter =
    std::function<Status(const std::filesystem::path& folder, const Parameters& average)>;

/// A checkpoint is a model's folder that works as any other, with the average as its weights, and
/// beside it "training" with all that a run needs to go on bit for bit.

/// Writes `out`/checkpoint-<step>, whole or not at all, even if the machine stops at any point; and
/// removes older ones but for the newest `keep`. run: the config file of the run. Errors: those of
/// write_model; io, resource_exhausted.
Status write_checkpoint(const std::filesystem::path& out, const ModelWriter& write_model,
                        const TrainState& state, const nlohmann::json& run, int keep);

inline constexpr std::string_view kCheckpointPrefix = "checkpoint-";

/// The newest checkpoint below `out`, if there is one.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& out);

/// The config file of the run that wrote it; an empty object where it is not kept. Errors:
/// bad_file.
Result<nlohmann::json> run_of(const std::filesystem::path& checkpoint);

/// Takes over a checkpoint's weights, average, optimisers and step. The state's tensors decide
/// names and shapes. Errors: not_found, bad_file naming the tensor.
Status read_checkpoint(const std::filesystem::path& checkpoint, TrainState& state);

}  // namespace edgefusion::train
