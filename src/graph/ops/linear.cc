#include <algorithm>
#include <vector>

#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

// y[..., o] = sum over k of x[..., k] * weight[o, k], then the epilogue.

namespace edgefusion::graph {
namespace {

Result<Value> infer(const Attrs&, InputValues inputs) {
  const Value& x = required(inputs, LinearSlots::x);
  const Value& weight = required(inputs, LinearSlots::weight);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  EF_TRY_STATUS(check_float(weight, "weight", 2));
  if (x.shape.rank() < 1 || x.shape[-1] != weight.shape[1]) {
    return refuse("x has shape " + x.shape.to_string() + ", expected " +
                  std::to_string(weight.shape[1]) + " in the last axis, as in weight " +
                  weight.shape.to_string());
  }
  Shape shape = x.shape;
  shape.set(-1, weight.shape[0]);
  EF_TRY(Value output, make_output(shape));
  EF_TRY_STATUS(check_macs({shape.elements(), weight.shape[1]}));
  EF_TRY_STATUS(check_epilogue(inputs, shape));
  return output;
}

int64_t macs(const Attrs&, InputValues inputs, const Value& output) {
  return output.shape.elements() * required(inputs, LinearSlots::weight).shape[1];
}

void evaluate(const Attrs& any, std::span<const ConstTensorView> inputs, TensorView output) {
  const Shape& shape = inputs[LinearSlots::weight].shape;
  const int64_t out_features = shape[0], in_features = shape[1];
  const auto weight = transposed(inputs[LinearSlots::weight].as<float>(), shape[0], shape[1]);
  const float* x = inputs[LinearSlots::x].as<float>();
  const float* bias = optional_data(inputs, LinearSlots::bias);
  const float* residual = optional_data(inputs, LinearSlots::residual);
  const Epilogue& epilogue = std::get<LinearAttrs>(any).epilogue;

  std::vector<double> row(static_cast<size_t>(in_features));
  std::vector<double> sums(static_cast<size_t>(out_features));
  for (int64_t r = 0; r < output.shape.rows(); ++r) {
    std::copy_n(x + r * in_features, in_features, row.begin());
    std::fill(sums.begin(), sums.end(), 0.0);
    multiply_row(row, weight.data(), sums);
    const int64_t offset = r * out_features;
    const float* residual_row = residual == nullptr ? nullptr : residual + offset;
    store_row(sums, {bias, residual_row, epilogue}, output.as<float>() + offset);
  }
}

std::string describe(const Attrs& any) {
  const std::string text = epilogue_text(std::get<LinearAttrs>(any).epilogue);
  return text.empty() ? text : text.substr(1);
}

}  // namespace

OpInfo linear_op() { return {OpKind::linear, "linear", infer, macs, evaluate, describe}; }

}  // namespace edgefusion::graph
