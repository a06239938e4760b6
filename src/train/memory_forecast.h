#pragma once

#include <optional>
#include <string_view>

#include "core/process_memory.h"
#include "graph/graph.h"
#include "train/run_config.h"

namespace edgefusion::train {

/// Bytes that a step on this graph needs at least: weights, their average, gradients and the
/// optimiser's states, and the outputs of products of matrices that the way back looks at (none of
/// them if they are computed anew: `checkpointing`). What is really needed may be twice as much.
int64_t least_step_bytes(const graph::Graph& graph, const RunConfig& config, bool checkpointing);

/// Errors: resource_exhausted where not even `least` bytes are there for a step, with `remedies`:
/// what the user may choose instead. Of a GPU's memory nothing is known.
Status check_step_bytes(int64_t least, const RunConfig& config, std::string_view remedies,
                        std::optional<int64_t> available = available_bytes());

/// The same for a U-Net's step.
Status check_memory(const graph::Graph& graph, const RunConfig& config, bool checkpointing,
                    std::optional<int64_t> available = available_bytes());

}  // namespace edgefusion::train
