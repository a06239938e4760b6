#pragma once

#include "graph/graph.h"

namespace edgefusion::graph {

// Each pass keeps every output's name, shape and value (to the rounding of reordered arithmetic),
// leaves no dead nodes behind and returns how many nodes it changed. A value that is an output or
// has several uses is never fused away; a fused node is named after the last value it computes.

/// Nodes whose inputs are all constants become constants, up to 16 MiB each (weights are not
/// folded).
int fold_constants(Graph& graph);

/// affine(1, 0), a reshape to the same shape and a whole slice vanish; a reshape of a reshape takes
/// the first one's operand.
int remove_identities(Graph& graph);

/// group_norm followed only by an activation becomes one node.
int fuse_norm_activation(Graph& graph);

/// conv2d/linear followed only by an activation, or by an add of an activation of the same shape
/// that is ready before it, takes them into its epilogue (activation, residual, or both in either
/// order). Weights and constants are no residuals.
int fuse_epilogue(Graph& graph);

/// resize_nearest by exactly 2 followed only by a stride-1 conv2d becomes conv2d with upsample2x.
int fuse_upsample(Graph& graph);

/// Linears without activation and residual that read the same x, and that one attention alone uses
/// as q, k and v (or two of them), become one linear over their weights stacked in that order,
/// named "attn1.to_q+to_k+to_v"; the attention reads them as columns of it. Projections of which
/// some have a bias and others none stay apart, and so do those that share a weight with another
/// node.
int merge_projections(Graph& graph);

/// A linear without activation and residual that is followed only by geglu takes it into its
/// epilogue, which nothing else goes into.
int fuse_geglu(Graph& graph);

/// A concat of two activations that only group_norm and conv2d of 1x1 or 3x3 use, as their x,
/// becomes a second source of each of them.
int fuse_concat(Graph& graph);

/// conv2d followed only by an add of one vector an image ([N,O], ready before it: a time embedding)
/// takes it as image_add.
int fuse_image_add(Graph& graph);

/// Rewrites that ask something of whoever runs the graph: off unless asked for.
struct OptimizeOptions {
  bool merge_projections = false;  ///< attention takes columns of wider operands
  bool fuse_geglu = false;         ///< linear has that epilogue
  bool fuse_concat = false;        ///< conv2d and group_norm take two sources
  bool fuse_image_add = false;     ///< conv2d adds a vector of each image
};

/// Drops dead code, then all passes in order. What the engine compiles.
void optimize(Graph& graph, const OptimizeOptions& options = {});

}  // namespace edgefusion::graph
