#include "onnx/layer_weights.h"
#include "onnx/op_exporters.h"

// conv2d and linear, each with what passes of the graph have put into its epilogue.

namespace edgefusion::onnx {
namespace {

using graph::ConvSlots;
using graph::Epilogue;
using graph::kNoValue;
using graph::LinearSlots;
using graph::Node;
using graph::ValueId;

std::string with_epilogue(Exporter& e, std::string y, const Epilogue& epilogue, ValueId residual) {
  if (!epilogue.activation_after_residual) y = activate(e, epilogue.activation, y);
  if (residual != kNoValue) y = e.emit("Add", {y, e.operand(residual)});
  if (epilogue.activation_after_residual) y = activate(e, epilogue.activation, y);
  return y;
}

void add_bias(Exporter& e, ValueId bias, std::vector<std::string>& inputs) {
  if (bias != kNoValue) inputs.push_back(e.operand(bias));
}

Attributes conv_attributes(const graph::Conv2dAttrs& attrs, const Shape& weight) {
  return {{"kernel_shape", std::vector<int64_t>{weight[2], weight[3]}},
          {"strides", std::vector<int64_t>{attrs.stride, attrs.stride}},
          {"pads",
           std::vector<int64_t>{attrs.pad_top, attrs.pad_left, attrs.pad_bottom, attrs.pad_right}}};
}

// Sums and bias of a linear layer: tokens are multiplied by [K,O], vectors by [O,K], and pixels are
// convolved, so that pictures keep their layout.
std::string linear_sums(Exporter& e, const Node& node) {
  const ValueId x = node.inputs[LinearSlots::x];
  const Shape& shape = e.shape(x);
  const ValueId bias = node.input(LinearSlots::bias);
  if (shape.rank() == 4 || shape.rank() == 2) {
    const bool is_picture = shape.rank() == 4;
    const WeightLayout layout = is_picture ? WeightLayout::pixelwise : WeightLayout::as_given;
    const MatrixOperands operands = matrix_operands(e, node, e.operand(x), shape, layout);
    std::vector<std::string> inputs = {operands.x, operands.weight};
    add_bias(e, bias, inputs);
    return is_picture ? e.emit("Conv", inputs) : e.emit("Gemm", inputs, {{"transB", int64_t{1}}});
  }
  const MatrixOperands operands =
      matrix_operands(e, node, e.operand(x), shape, WeightLayout::transposed);
  const std::string sums = e.emit("MatMul", {operands.x, operands.weight});
  return bias == kNoValue ? sums : e.emit("Add", {sums, e.operand(bias)});
}

}  // namespace

std::string export_conv2d(Exporter& e, const Node& node) {
  const auto& attrs = node.as<graph::Conv2dAttrs>();
  const ValueId x2 = node.input(ConvSlots::x2);
  Shape shape = e.shape(node.inputs[ConvSlots::x]);
  std::string x = x2 == kNoValue ? e.operand(node.inputs[ConvSlots::x])
                                 : e.joined(node.inputs[ConvSlots::x], x2);
  if (attrs.upsample2x) x = resized(e, x, shape, 2 * shape[1], 2 * shape[2]);
  const Shape& weight = e.shape(node.inputs[ConvSlots::weight]);
  shape.set(-1, weight[1]);
  const MatrixOperands operands = matrix_operands(e, node, x, shape, WeightLayout::as_given);
  std::vector<std::string> inputs = {operands.x, operands.weight};
  add_bias(e, node.input(ConvSlots::bias), inputs);
  std::string y = e.emit("Conv", inputs, conv_attributes(attrs, weight));
  if (const ValueId added = node.input(ConvSlots::image_add); added != kNoValue) {
    const Shape& vectors = e.shape(added);
    y = e.emit("Add", {y, e.operand_as(added, {vectors[0], vectors[1], 1, 1})});
  }
  return with_epilogue(e, y, attrs.epilogue, node.input(ConvSlots::residual));
}

std::string export_linear(Exporter& e, const Node& node) {
  const Epilogue& epilogue = node.as<graph::LinearAttrs>().epilogue;
  const std::string sums = linear_sums(e, node);
  if (epilogue.geglu) {
    const Shape& shape = e.shape(node.output);
    return gated(e, sums, channel_axis(shape), shape[-1]);
  }
  return with_epilogue(e, sums, epilogue, node.input(LinearSlots::residual));
}

}  // namespace edgefusion::onnx
