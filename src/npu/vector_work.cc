#include <algorithm>
#include <string>
#include <utility>

#include "graph/broadcast.h"
#include "npu/epilogue_ops.h"
#include "npu/work_maker.h"

// Norms and what is done element by element, as ops of vector engines.

namespace edgefusion::npu {

using GraphOp = graph::OpKind;
namespace {

bool same_grid(const std::array<int64_t, kAxes>& a, const std::array<int64_t, kAxes>& b) {
  return std::equal(a.begin(), a.begin() + kChannels, b.begin());
}

}  // namespace

Status WorkMaker::add_group_norm(const Node& node) {
  const auto& attrs = node.as<graph::GroupNormAttrs>();
  using Slots = graph::NormSlots;
  EF_TRY_STATUS(check_rate(node, VectorOp::norm_stats));
  EF_TRY_STATUS(check_rate(node, VectorOp::norm));
  const TensorId x = tensor_of(node.input(Slots::x)), x2 = tensor_of(node.input(Slots::x2));
  const int64_t first_channels = extent(x)[kChannels];
  Op stats = plain_op(OpKind::group_stats, node), apply = plain_op(OpKind::group_apply, node);
  stats.vector_op = VectorOp::norm_stats;
  apply.vector_op = VectorOp::norm;
  if (attrs.activation != Activation::none) {
    apply.then = vector_op_of(attrs.activation);
    EF_TRY_STATUS(check_rate(node, *apply.then));
  }
  Extent grid = extent(x);
  stats.operands.push_back({x, Slots::x, Reach::whole, 0, 0});
  apply.operands.push_back({x, Slots::x, Reach::same, 0, 0});
  if (x2 != kNoTensor) {
    stats.operands.push_back({x2, Slots::x2, Reach::whole, 0, 0});
    apply.operands.push_back({x2, Slots::x2, Reach::same, -first_channels, 0});
    grid[kChannels] += extent(x2)[kChannels];
  }
  const std::string& name = value_name(node);
  const int64_t numbers = 2 * static_cast<int64_t>(attrs.groups);
  const TensorId sums =
      add_op(std::move(stats), {grid[kBatch], 1, 1, numbers}, name + ":stats", false, 32);
  apply.operands.push_back({sums, -1, Reach::same, 0, numbers});
  for (const int slot : {Slots::gamma, Slots::beta}) {
    apply.operands.push_back(
        {tensor_of(node.input(static_cast<size_t>(slot))), slot, Reach::same, 0, 0});
  }
  add_op(std::move(apply), grid, name, true);
  return {};
}

Status WorkMaker::add_layer_norm(const Node& node) {
  using Slots = graph::NormSlots;
  EF_TRY_STATUS(check_rate(node, VectorOp::norm_stats));
  EF_TRY_STATUS(check_rate(node, VectorOp::norm));
  const TensorId x = tensor_of(node.input(Slots::x));
  Op op = plain_op(OpKind::layer_norm, node);
  op.vector_op = VectorOp::norm;
  op.operands.push_back({x, Slots::x, Reach::same, 0, extent(x)[kChannels]});
  for (const int slot : {Slots::gamma, Slots::beta}) {
    const TensorId vector = tensor_of(node.input(static_cast<size_t>(slot)));
    op.operands.push_back({vector, slot, Reach::same, 0, extent(x)[kChannels]});
  }
  const Extent grid = extent(x);
  add_op(std::move(op), grid, value_name(node), true);
  return {};
}

Status WorkMaker::add_two_operands(const Node& node) {
  const TensorId a = tensor_of(node.input(0)), b = tensor_of(node.input(1));
  Op op = plain_op(OpKind::pointwise, node);
  op.vector_op = node.op == GraphOp::add ? VectorOp::add : VectorOp::mul;
  EF_TRY_STATUS(check_rate(node, op.vector_op));
  const Shape& b_shape = graph_.value(node.input(1)).shape;
  EF_TRY(const graph::Broadcast broadcast,
         graph::broadcast_of(graph_.value(node.input(0)).shape, b_shape));
  const Extent grid = extent(a), other = extent(b);
  for (size_t axis = 0; axis < kAxes; ++axis) {
    if (other[axis] != grid[axis] && other[axis] != 1) {
      return cannot(node, "operands of places that do not meet: " + b_shape.to_string());
    }
  }
  if (broadcast.kind == graph::BroadcastKind::per_row && other[kChannels] != 1) {
    return cannot(node, "factors of each place need a last extent of 1");
  }
  op.operands = {{a, 0, Reach::same, 0, 0}, {b, 1, Reach::same, 0, 0}};
  add_op(std::move(op), grid, value_name(node), true);
  return {};
}

Status WorkMaker::add_pointwise(const Node& node) {
  Op op = plain_op(OpKind::pointwise, node);
  const TensorId x = tensor_of(node.input(0));
  Extent grid = extent(x);
  const int64_t channels = grid[kChannels];
  grid[kChannels] = graph_.value(node.output).shape[-1];
  op.operands.push_back({x, 0, Reach::same, 0, 0});
  switch (node.op) {
    case GraphOp::activation:
      op.vector_op = vector_op_of(node.as<graph::ActivationAttrs>().kind);
      break;
    case GraphOp::affine:
      op.vector_op = VectorOp::affine;
      break;
    case GraphOp::geglu:
      op.vector_op = VectorOp::geglu;
      op.operands.push_back({x, 0, Reach::same, channels / 2, 0});
      break;
    case GraphOp::concat: {
      int64_t first = channels;
      for (size_t i = 1; i < node.inputs.size(); ++i) {
        const TensorId part = tensor_of(node.inputs[i]);
        if (!same_grid(extent(part), grid)) return cannot(node, "parts of different places");
        op.operands.push_back({part, static_cast<int>(i), Reach::same, -first, 0});
        first += extent(part)[kChannels];
      }
      break;
    }
    default: {  // slice
      const auto& attrs = node.as<graph::SliceAttrs>();
      if (attrs.axis + 1 != graph_.value(node.output).shape.rank()) {
        return cannot(node, "slices of other axes than the last");
      }
      op.operands.front().first = attrs.begin;
    }
  }
  EF_TRY_STATUS(check_rate(node, op.vector_op));
  add_op(std::move(op), grid, value_name(node), true);
  return {};
}

Status WorkMaker::add_resize(const Node& node) {
  EF_TRY_STATUS(check_rate(node, VectorOp::copy));
  const auto& attrs = node.as<graph::ResizeAttrs>();
  const TensorId x = tensor_of(node.input(0));
  Op op = plain_op(OpKind::resize, node);
  op.operands.push_back({x, 0, Reach::window, 0, 0});
  const Extent grid = {extent(x)[kBatch], attrs.height, attrs.width, extent(x)[kChannels]};
  add_op(std::move(op), grid, value_name(node), true);
  return {};
}

}  // namespace edgefusion::npu
