#include <algorithm>
#include <vector>

#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

// y[..., o] = sum over k of x[..., k] * weight[o, k], then the epilogue. With geglu the first half
// of the weight's rows makes values and the second half their gates.

namespace edgefusion::graph {
namespace {

Status check_geglu(const Epilogue& epilogue, InputValues inputs, const Shape& weight) {
  if (!epilogue.geglu) return {};
  if (weight[0] % 2 != 0) {
    return refuse("weight " + weight.to_string() + " has no two halves for geglu");
  }
  const bool alone = epilogue.activation == Activation::none &&
                     optional_input(inputs, LinearSlots::residual) == nullptr;
  return alone ? Status{} : refuse("geglu beside an activation or a residual");
}

Result<Value> infer(const Attrs& any, InputValues inputs) {
  const Epilogue& epilogue = std::get<LinearAttrs>(any).epilogue;
  const Value& x = required(inputs, LinearSlots::x);
  const Value& weight = required(inputs, LinearSlots::weight);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  EF_TRY_STATUS(check_float(weight, "weight", 2));
  if (x.shape.rank() < 1 || x.shape[-1] != weight.shape[1]) {
    return refuse("x has shape " + x.shape.to_string() + ", expected " +
                  std::to_string(weight.shape[1]) + " in the last axis, as in weight " +
                  weight.shape.to_string());
  }
  EF_TRY_STATUS(check_geglu(epilogue, inputs, weight.shape));
  Shape shape = x.shape;
  shape.set(-1, epilogue.geglu ? weight.shape[0] / 2 : weight.shape[0]);
  EF_TRY(Value output, make_output(shape));
  EF_TRY_STATUS(check_macs({shape.rows(), weight.shape[0], weight.shape[1]}));
  EF_TRY_STATUS(check_epilogue(inputs, shape));
  return output;
}

int64_t macs(const Attrs&, InputValues inputs, const Value& output) {
  const Shape& weight = required(inputs, LinearSlots::weight).shape;
  return output.shape.rows() * weight[0] * weight[1];
}

// Values and gates, side by side in one row of sums, become half a row.
void store_gated_row(std::span<const double> sums, const float* bias, float* dst) {
  const size_t width = sums.size() / 2;
  const auto at = [&](size_t o) {
    return sums[o] + (bias == nullptr ? 0.0 : static_cast<double>(bias[o]));
  };
  for (size_t o = 0; o < width; ++o) {
    dst[o] = static_cast<float>(at(o) * activate(Activation::gelu, at(width + o)));
  }
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
    if (epilogue.geglu) {
      store_gated_row(sums, bias, output.as<float>() + r * (out_features / 2));
      continue;
    }
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
