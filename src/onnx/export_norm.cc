#include "onnx/op_exporters.h"

// Norms over groups as norms over instances, as exporters of PyTorch write them: opset 17 has none
// of groups, and those of later ones scale each group instead of each channel.

namespace edgefusion::onnx {
namespace {

using graph::Node;
using graph::NormSlots;

// [N,C] or [N,C,...] as in the file -> normed, scaled and shifted by channel.
std::string normed_groups(Exporter& e, const Node& node, const std::string& x,
                          const std::vector<int64_t>& dims) {
  const auto& attrs = node.as<graph::GroupNormAttrs>();
  int64_t elements = 1;
  for (size_t axis = 1; axis < dims.size(); ++axis) elements *= dims[axis];
  const std::vector<float> ones(static_cast<size_t>(attrs.groups), 1.0f);
  const std::vector<float> zeros(static_cast<size_t>(attrs.groups), 0.0f);
  const std::string grouped = e.reshape(x, {dims[0], attrs.groups, elements / attrs.groups});
  const std::string normed =
      e.emit("InstanceNormalization",
             {grouped, e.numbers(ones, {attrs.groups}), e.numbers(zeros, {attrs.groups})},
             {{"epsilon", attrs.eps}});
  std::vector<int64_t> by_channel(dims.size() - 1, 1);
  by_channel[0] = dims[1];
  const std::string scaled = e.emit(
      "Mul", {e.reshape(normed, dims), e.operand_as(node.inputs[NormSlots::gamma], by_channel)});
  const std::string y =
      e.emit("Add", {scaled, e.operand_as(node.inputs[NormSlots::beta], by_channel)});
  return activate(e, attrs.activation, y);
}

}  // namespace

std::string export_group_norm(Exporter& e, const Node& node) {
  const graph::ValueId x2 = node.input(NormSlots::x2);
  const std::string x = x2 == graph::kNoValue ? e.operand(node.inputs[NormSlots::x])
                                              : e.joined(node.inputs[NormSlots::x], x2);
  const Shape& shape = e.shape(node.output);
  const std::vector<int64_t> dims = dims_of(file_shape(shape));
  if (shape.rank() == 4 || shape.rank() == 2) return normed_groups(e, node, x, dims);
  // Tokens: channels go before the positions and back.
  const int64_t items = shape[0], channels = shape[-1], positions = shape.rows() / items;
  const std::string tokens = shape.rank() == 3 ? x : e.reshape(x, {items, positions, channels});
  const std::string y = e.transpose(
      normed_groups(e, node, e.transpose(tokens, {0, 2, 1}), {items, channels, positions}),
      {0, 2, 1});
  return shape.rank() == 3 ? y : e.reshape(y, dims);
}

std::string export_layer_norm(Exporter& e, const Node& node) {
  const std::string y =
      e.emit("LayerNormalization",
             {e.channels_last(node.inputs[NormSlots::x]), e.operand(node.inputs[NormSlots::gamma]),
              e.operand(node.inputs[NormSlots::beta])},
             {{"axis", int64_t{-1}}, {"epsilon", node.as<graph::LayerNormAttrs>().eps}});
  return e.to_file_layout(y, e.shape(node.output).rank());
}

}  // namespace edgefusion::onnx
