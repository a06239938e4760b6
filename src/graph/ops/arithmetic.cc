#include <cmath>

#include "graph/broadcast.h"
#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

namespace edgefusion::graph {
namespace {

Result<Value> infer_binary(const Attrs&, InputValues inputs) {
  const Value& a = required(inputs, 0);
  const Value& b = required(inputs, 1);
  EF_TRY_STATUS(check_dtype(a, "first operand", DType::f32));
  EF_TRY_STATUS(check_dtype(b, "second operand", DType::f32));
  EF_TRY_STATUS(broadcast_of(a.shape, b.shape).map([](const Broadcast&) {}));
  return make_output(a.shape);
}

template <typename Operation>
void evaluate_binary(std::span<const ConstTensorView> inputs, TensorView output,
                     const Operation& operation) {
  const auto rule = broadcast_of(inputs[0].shape, inputs[1].shape);
  EF_CHECK(rule.has_value(), inputs[1].shape.to_string() + " to " + inputs[0].shape.to_string());
  const RowExtents extents = row_extents(output.shape);
  const float* a = inputs[0].as<float>();
  float* y = output.as<float>();
  for (int64_t row = 0; row < extents.items * extents.rows; ++row) {
    const float* b =
        inputs[1].as<float>() + row / extents.rows * rule->item + row % extents.rows * rule->row;
    for (int64_t c = 0; c < extents.channels; ++c) {
      *y++ = static_cast<float>(
          operation(static_cast<double>(*a++), static_cast<double>(b[c * rule->channel])));
    }
  }
}

void evaluate_add(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  evaluate_binary(inputs, output, [](double a, double b) { return a + b; });
}

void evaluate_mul(const Attrs&, std::span<const ConstTensorView> inputs, TensorView output) {
  evaluate_binary(inputs, output, [](double a, double b) { return a * b; });
}

Result<Value> infer_affine(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<AffineAttrs>(any);
  const Value& x = required(inputs, 0);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  if (!std::isfinite(attrs.scale) || !std::isfinite(attrs.shift)) {
    return refuse("scale and shift are not finite numbers");
  }
  return make_output(x.shape);
}

void evaluate_affine(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const auto& attrs = std::get<AffineAttrs>(any);
  const double scale = static_cast<double>(attrs.scale), shift = static_cast<double>(attrs.shift);
  const float* x = inputs[0].as<float>();
  float* y = output.as<float>();
  for (int64_t i = 0; i < output.shape.elements(); ++i) {
    y[i] = static_cast<float>(static_cast<double>(x[i]) * scale + shift);
  }
}

std::string describe_affine(const Attrs& any) {
  const auto& attrs = std::get<AffineAttrs>(any);
  return "scale=" + float_text(attrs.scale) + " shift=" + float_text(attrs.shift);
}

}  // namespace

OpInfo add_op() {
  return {OpKind::add, "add", infer_binary, no_macs, evaluate_add, no_description};
}

OpInfo mul_op() {
  return {OpKind::mul, "mul", infer_binary, no_macs, evaluate_mul, no_description};
}

OpInfo affine_op() {
  return {OpKind::affine, "affine", infer_affine, no_macs, evaluate_affine, describe_affine};
}

}  // namespace edgefusion::graph
