#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "graph/graph.h"

namespace edgefusion::train {

/// What a node computes, as libtorch computes it: differentiable in every float operand.
/// inputs: by slot, undefined where absent, in the graph's layout (channels last). Not for the
/// three sources (input, weight, constant). Pictures go through libtorch's convolutions and norms
/// as channels-last NCHW views: nothing is copied. Runs on the device of its operands, in the type
/// that autocast chooses where that is on.
at::Tensor apply_op(const graph::Node& node, std::span<const at::Tensor> inputs);

}  // namespace edgefusion::train
