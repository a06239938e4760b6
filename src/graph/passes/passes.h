#pragma once

#include "graph/graph.h"

namespace edgefusion::graph {

// Each pass keeps every output's name and value (to the rounding of reordered arithmetic) and
// returns how many nodes it changed.

/// Nodes whose inputs are all constants become constants (weights are not folded).
int fold_constants(Graph& graph);

/// group_norm followed only by an activation becomes one node.
int fuse_norm_activation(Graph& graph);

/// conv2d/linear followed only by an activation, or by an add of a value that is ready before it,
/// takes them into its epilogue (activation, residual, or both in either order).
int fuse_epilogue(Graph& graph);

/// resize_nearest by exactly 2 followed only by a stride-1 conv2d becomes conv2d with upsample2x.
int fuse_upsample(Graph& graph);

/// All of the above in order, then dead code. What the engine compiles.
void optimize(Graph& graph);

}  // namespace edgefusion::graph
