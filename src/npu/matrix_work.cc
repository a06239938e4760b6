#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "npu/epilogue_ops.h"
#include "npu/layer_arithmetic.h"
#include "npu/work_maker.h"

// Convolutions, linear layers and attention as ops of tensor engines.

namespace edgefusion::npu {

using GraphOp = graph::OpKind;

Status WorkMaker::add_conv2d(const Node& node) {
  const auto& attrs = node.as<graph::Conv2dAttrs>();
  Op op = plain_op(OpKind::conv2d, node);
  const Shape& weight = graph_.value(node.input(graph::ConvSlots::weight)).shape;
  const int64_t enlarge = attrs.upsample2x ? 2 : 1;
  op.lines = {weight[2], attrs.stride, attrs.pad_top, enlarge};
  op.columns = {weight[3], attrs.stride, attrs.pad_left, enlarge};
  const Shape& out = graph_.value(node.output).shape;
  for (const int slot : {graph::ConvSlots::x, graph::ConvSlots::x2}) {
    const TensorId x = tensor_of(node.input(static_cast<size_t>(slot)));
    if (x == kNoTensor) continue;
    op.operands.push_back({x, slot, Reach::window, 0, extent(x)[kChannels]});
  }
  const Extent result = {out[0], out[1], out[2], out[3]};
  return add_matrix(node, std::move(op), result);
}

Status WorkMaker::add_linear(const Node& node) {
  const TensorId x = tensor_of(node.input(graph::LinearSlots::x));
  Op op = plain_op(OpKind::linear, node);
  op.operands.push_back({x, graph::LinearSlots::x, Reach::same, 0, extent(x)[kChannels]});
  Extent result = extent(x);
  result[kChannels] = graph_.value(node.output).shape[-1];
  return add_matrix(node, std::move(op), result);
}

/// Adds weight, bias and what is done to the sums; as ops of their own where the tensor engine does
/// not do it.
Status WorkMaker::add_matrix(const Node& node, Op op, Extent extent) {
  const bool is_conv = node.op == GraphOp::conv2d;
  EF_TRY(op.arithmetic, layer_arithmetic(device_, work_.name, value_name(node),
                                         is_conv ? node.as<graph::Conv2dAttrs>().quantization.get()
                                                 : node.as<graph::LinearAttrs>().quantization.get(),
                                         options_.arithmetic));
  EpilogueOps epilogue = split_epilogue(node, device_.tensor.fused);
  const int weight_slot = is_conv ? static_cast<int>(graph::ConvSlots::weight)
                                  : static_cast<int>(graph::LinearSlots::weight);
  const TensorId weight = tensor_of(node.input(static_cast<size_t>(weight_slot)));
  NpuTensor& weights = work_.tensors[static_cast<size_t>(weight)];
  weights.bits = std::min(weights.bits, weight_bits(node, op.arithmetic));
  const bool gated = epilogue.kept.geglu;
  if (epilogue.splits_gate()) extent[kChannels] *= 2;
  const int64_t outputs = extent[kChannels];
  const auto add_vector = [&](int slot) {
    const TensorId vector = tensor_of(node.input(static_cast<size_t>(slot)));
    if (vector == kNoTensor) return;
    op.operands.push_back({vector, slot, Reach::same, 0, 0});
    if (gated) op.operands.push_back({vector, slot, Reach::same, outputs, 0});
  };
  op.operands.push_back({weight, weight_slot, Reach::outputs, 0, 0});
  if (gated) op.operands.push_back({weight, weight_slot, Reach::outputs, outputs, 0});
  add_vector(is_conv ? static_cast<int>(graph::ConvSlots::bias)
                     : static_cast<int>(graph::LinearSlots::bias));
  const int residual_slot = is_conv ? static_cast<int>(graph::ConvSlots::residual)
                                    : static_cast<int>(graph::LinearSlots::residual);
  if (epilogue.keeps_residual) add_vector(residual_slot);
  if (is_conv) add_vector(graph::ConvSlots::image_add);
  set_epilogue(op.attrs, epilogue.kept);

  const bool is_whole = epilogue.after.empty();
  const std::string& name = value_name(node);
  const TensorId made = add_op(std::move(op), extent, is_whole ? name : name + ":sums", is_whole);
  return add_after(node, std::move(epilogue.after), made, extent);
}

/// What is done to the sums by vector engines.
Status WorkMaker::add_after(const Node& node, std::vector<Op> after, TensorId made, Extent extent) {
  const std::string& name = value_name(node);
  const size_t residual_slot = node.op == GraphOp::conv2d
                                   ? static_cast<size_t>(graph::ConvSlots::residual)
                                   : static_cast<size_t>(graph::LinearSlots::residual);
  for (Op& op : after) {
    const bool is_last = &op == &after.back();
    EF_TRY_STATUS(check_rate(node, op.vector_op));
    op.operands.push_back({made, 0, Reach::same, 0, 0});
    if (op.graph_op == GraphOp::geglu) {
      extent[kChannels] /= 2;
      op.operands.push_back({made, 0, Reach::same, extent[kChannels], 0});
    } else if (op.graph_op == GraphOp::add) {
      op.operands.push_back({tensor_of(node.input(residual_slot)), 1, Reach::same, 0, 0});
    }
    made = add_op(std::move(op), extent, is_last ? name : name + ":activated", is_last);
  }
  return {};
}

Status WorkMaker::add_attention(const Node& node) {
  const auto& attrs = node.as<graph::AttentionAttrs>();
  if (attrs.causal && device_.host.ops.contains("causal_attention")) return add_host_op(node);
  using Slots = graph::AttentionSlots;
  const TensorId q = tensor_of(node.input(Slots::q)), k = tensor_of(node.input(Slots::k));
  const TensorId v = tensor_of(node.input(Slots::v)), mask = tensor_of(node.input(Slots::key_mask));
  const int64_t qk_width = attrs.width_of_qk(graph_.value(node.input(Slots::q)).shape);
  const int64_t v_width = attrs.width_of_v(graph_.value(node.input(Slots::v)).shape);
  EF_TRY_STATUS(check_rate(node, VectorOp::softmax));
  Op scores = plain_op(OpKind::scores, node);
  EF_TRY(scores.arithmetic,
         attention_arithmetic(device_, work_.name, value_name(node), attrs.scheme));
  scores.heads = attrs.heads;
  scores.keys = extent(k)[kLines] * extent(k)[kColumns];
  Op softmax = scores, mix = scores;
  softmax.kind = OpKind::softmax;
  softmax.vector_op = VectorOp::softmax;
  mix.kind = OpKind::mix;

  const std::string& name = value_name(node);
  Extent grid = extent(q);
  grid[kChannels] = scores.heads * scores.keys;
  scores.operands = {{q, Slots::q, Reach::same, attrs.q_begin, qk_width},
                     {k, Slots::k, Reach::keys, attrs.k_begin, qk_width}};
  const int bits = scores.arithmetic == Arithmetic::w8a8 ? 8 : 16;
  const TensorId s = add_op(std::move(scores), grid, name + ":scores", false);
  softmax.operands = {{s, Slots::q, Reach::same, 0, 0}};
  if (mask != kNoTensor) softmax.operands.push_back({mask, Slots::key_mask, Reach::whole, 0, 0});
  Extent state = grid;
  state[kChannels] = 3 * mix.heads;
  softmax.state = add_tensor(name + ":state", state, TensorKind::activation, 32);
  work_.tensors.back().producer = static_cast<OpId>(work_.ops.size());
  const TensorId state_id = softmax.state;
  const TensorId p = add_op(std::move(softmax), grid, name + ":softmax", false, bits);
  mix.state = state_id;
  mix.operands = {{p, Slots::q, Reach::same, 0, 0},
                  {v, Slots::v, Reach::keys, attrs.v_begin, v_width}};
  grid[kChannels] = v_width;
  add_op(std::move(mix), grid, name, true);
  return {};
}

}  // namespace edgefusion::npu
