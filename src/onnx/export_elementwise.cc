#include <numbers>

#include "graph/broadcast.h"
#include "onnx/op_exporters.h"

// Ops that compute each element from elements of the same place.

namespace edgefusion::onnx {
namespace {

using graph::BroadcastKind;
using graph::Node;
using graph::ValueId;

std::string times(Exporter& e, const std::string& a, const std::string& b) {
  return e.emit("Mul", {a, b});
}

// x / 2 * (1 + what)
std::string half_times_one_plus(Exporter& e, const std::string& x, const std::string& what) {
  const std::string gate = e.emit("Add", {what, e.number(1.0f)});
  return times(e, times(e, x, gate), e.number(0.5f));
}

std::string gelu(Exporter& e, const std::string& x) {
  const std::string scaled = e.emit("Div", {x, e.number(std::numbers::sqrt2_v<float>)});
  return half_times_one_plus(e, x, e.emit("Erf", {scaled}));
}

std::string gelu_tanh(Exporter& e, const std::string& x) {
  const std::string cube = times(e, times(e, x, x), x);
  const std::string inner = e.emit("Add", {x, times(e, cube, e.number(0.044715f))});
  // sqrt(2 / pi)
  const std::string scaled = times(e, inner, e.number(0.7978845608028654f));
  return half_times_one_plus(e, x, e.emit("Tanh", {scaled}));
}

// The extents of b beside a, one for one, with a 1 where it is repeated.
Shape aligned_shape(const Shape& a, BroadcastKind kind) {
  Shape shape = a;
  switch (kind) {
    case BroadcastKind::same:
      break;
    case BroadcastKind::per_channel:
      for (int axis = 0; axis + 1 < a.rank(); ++axis) shape.set(axis, 1);
      break;
    case BroadcastKind::per_item:
      for (int axis = 1; axis + 1 < a.rank(); ++axis) shape.set(axis, 1);
      break;
    case BroadcastKind::per_row:
      shape.set(-1, 1);
      break;
    case BroadcastKind::per_position:
      shape.set(0, 1);
      break;
  }
  return shape;
}

// A picture for all items ([H,W,C]) has axes to turn; else its extents fall into place, as at most
// one of channels and positions is there.
std::string second_operand(Exporter& e, const Shape& a, ValueId b) {
  const auto rule = graph::broadcast_of(a, e.shape(b));
  EF_CHECK(rule.has_value(), e.shape(b).to_string() + " to " + a.to_string());
  const Shape aligned = aligned_shape(a, rule->kind);
  if (aligned == e.shape(b)) return e.operand(b);
  if (a.rank() == 4 && rule->kind == BroadcastKind::per_position) {
    return e.to_file_layout(e.reshape(e.operand(b), dims_of(aligned)), 4);
  }
  return e.operand_as(b, dims_of(file_shape(aligned)));
}

std::string binary(Exporter& e, const Node& node, const char* op_type) {
  const Shape& a = e.shape(node.inputs[0]);
  const std::string first = e.operand(node.inputs[0]);
  return e.emit(op_type, {first, second_operand(e, a, node.inputs[1])});
}

}  // namespace

std::string activate(Exporter& e, Activation activation, const std::string& x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return e.emit("Relu", {x});
    case Activation::silu:
      return times(e, x, e.emit("Sigmoid", {x}));
    case Activation::gelu:
      return gelu(e, x);
    case Activation::gelu_tanh:
      return gelu_tanh(e, x);
    case Activation::quick_gelu:
      return times(e, x, e.emit("Sigmoid", {times(e, x, e.number(1.702f))}));
    case Activation::tanh:
      return e.emit("Tanh", {x});
    case Activation::sigmoid:
      return e.emit("Sigmoid", {x});
  }
  return x;
}

std::string gated(Exporter& e, const std::string& x, int64_t axis, int64_t width) {
  const std::string value = e.slice(x, axis, 0, width);
  return times(e, value, gelu(e, e.slice(x, axis, width, 2 * width)));
}

std::string export_activation(Exporter& e, const Node& node) {
  return activate(e, node.as<graph::ActivationAttrs>().kind, e.operand(node.inputs[0]));
}

std::string export_geglu(Exporter& e, const Node& node) {
  const Shape& shape = e.shape(node.output);
  return gated(e, e.operand(node.inputs[0]), channel_axis(shape), shape[-1]);
}

std::string export_add(Exporter& e, const Node& node) { return binary(e, node, "Add"); }

std::string export_mul(Exporter& e, const Node& node) { return binary(e, node, "Mul"); }

std::string export_affine(Exporter& e, const Node& node) {
  const auto& attrs = node.as<graph::AffineAttrs>();
  std::string y = e.operand(node.inputs[0]);
  if (attrs.scale != 1.0f) y = times(e, y, e.number(attrs.scale));
  if (attrs.shift != 0.0f) y = e.emit("Add", {y, e.number(attrs.shift)});
  return y;
}

// Made by the engine: what it stores in fewer bits has their rounding here, too, but stays a float.
std::string export_convert(Exporter& e, const Node& node) {
  const auto& attrs = node.as<graph::ConvertAttrs>();
  const std::string x = e.operand(node.inputs[0]);
  if (attrs.to == DType::bf16) return e.cast(e.cast(x, DType::bf16), e.float_type());
  if (attrs.to != DType::u8) return x;
  const auto& scales = attrs.u8->scale;
  const Exporter::Steps steps =
      e.steps(e.graph().value(node.output).name, scales, static_cast<int64_t>(scales.size()),
              DType::u8, attrs.u8->zero_point);
  const Attributes axis = {{"axis", int64_t{channel_axis(e.shape(node.output))}}};
  const std::string codes = e.emit("QuantizeLinear", {x, steps.scale, steps.zero_point}, axis);
  return e.emit("DequantizeLinear", {codes, steps.scale, steps.zero_point}, axis);
}

}  // namespace edgefusion::onnx
