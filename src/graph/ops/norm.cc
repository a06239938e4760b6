#include <cmath>
#include <vector>

#include "graph/ops/ops.h"
#include "graph/ops/reference.h"
#include "graph/ops/shape_rules.h"

// y = (x - mean) / sqrt(variance + eps) * gamma + beta, the variance without Bessel's correction.
// group_norm: over all positions of a batch item and the channels of a group, counted over x and
// then x2. layer_norm: over the last axis.

namespace edgefusion::graph {
namespace {

Status check_scale_and_shift(InputValues inputs, int64_t channels, float eps) {
  for (const size_t slot : {size_t{NormSlots::gamma}, size_t{NormSlots::beta}}) {
    const std::string_view what = slot == NormSlots::gamma ? "gamma" : "beta";
    const Value& vector = required(inputs, slot);
    EF_TRY_STATUS(check_dtype(vector, what, DType::f32));
    EF_TRY_STATUS(check_shape(vector, what, Shape{channels}));
  }
  if (!std::isfinite(eps) || eps < 0)
    return refuse("eps " + float_text(eps) + " is no small number");
  return {};
}

Result<Value> infer_group_norm(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<GroupNormAttrs>(any);
  const Value& x = required(inputs, NormSlots::x);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  if (x.shape.rank() < 2)
    return refuse("x has shape " + x.shape.to_string() + ", expected [N,...,C]");
  EF_TRY(const Shape source, joined_shape(x, inputs, NormSlots::x2));
  if (attrs.groups < 1 || source[-1] % attrs.groups != 0) {
    return refuse(std::to_string(attrs.groups) + " groups do not divide the " +
                  std::to_string(source[-1]) + " channels of x " + source.to_string());
  }
  EF_TRY_STATUS(check_scale_and_shift(inputs, source[-1], attrs.eps));
  return make_output(source);
}

Result<Value> infer_layer_norm(const Attrs& any, InputValues inputs) {
  const Value& x = required(inputs, NormSlots::x);
  EF_TRY_STATUS(check_dtype(x, "x", DType::f32));
  if (x.shape.rank() < 1) return refuse("x is a scalar, expected [...,C]");
  EF_TRY_STATUS(check_scale_and_shift(inputs, x.shape[-1], std::get<LayerNormAttrs>(any).eps));
  return make_output(x.shape);
}

// A block of `rows` rows of `width` neighbouring channels, rows `stride` apart, normed as one.
struct NormBlock {
  const float *x, *gamma, *beta;
  float* y;
  int64_t rows, width, stride;
};

void normalize(const NormBlock& block, float eps, Activation activation) {
  const double count = static_cast<double>(block.rows * block.width);
  const auto sum = [&](auto&& term) {
    double total = 0;
    for (int64_t r = 0; r < block.rows; ++r) {
      const float* row = block.x + r * block.stride;
      for (int64_t c = 0; c < block.width; ++c) total += term(static_cast<double>(row[c]));
    }
    return total;
  };
  const double mean = sum([](double x) { return x; }) / count;
  const double variance = sum([mean](double x) { return (x - mean) * (x - mean); }) / count;
  const double factor = 1.0 / std::sqrt(variance + static_cast<double>(eps));
  for (int64_t r = 0; r < block.rows; ++r) {
    for (int64_t c = 0; c < block.width; ++c) {
      const int64_t i = r * block.stride + c;
      const double normed = (static_cast<double>(block.x[i]) - mean) * factor;
      const double y =
          normed * static_cast<double>(block.gamma[c]) + static_cast<double>(block.beta[c]);
      block.y[i] = static_cast<float>(activate(activation, y));
    }
  }
}

void evaluate_group_norm(const Attrs& any, std::span<const ConstTensorView> inputs,
                         TensorView output) {
  const auto& attrs = std::get<GroupNormAttrs>(any);
  const int64_t channels = output.shape[-1];
  const int64_t positions = output.shape.rows() / output.shape[0];
  const int64_t width = channels / attrs.groups;
  std::vector<float> scratch;
  const float* x = joined_sources(inputs, NormSlots::x, NormSlots::x2, scratch);
  for (int64_t n = 0; n < output.shape[0]; ++n) {
    for (int64_t first = 0; first < channels; first += width) {
      const int64_t offset = n * positions * channels + first;
      normalize({x + offset, inputs[NormSlots::gamma].as<float>() + first,
                 inputs[NormSlots::beta].as<float>() + first, output.as<float>() + offset,
                 positions, width, channels},
                attrs.eps, attrs.activation);
    }
  }
}

void evaluate_layer_norm(const Attrs& any, std::span<const ConstTensorView> inputs,
                         TensorView output) {
  const int64_t channels = output.shape[-1];
  for (int64_t r = 0; r < output.shape.rows(); ++r) {
    const int64_t offset = r * channels;
    normalize(
        {inputs[NormSlots::x].as<float>() + offset, inputs[NormSlots::gamma].as<float>(),
         inputs[NormSlots::beta].as<float>(), output.as<float>() + offset, 1, channels, channels},
        std::get<LayerNormAttrs>(any).eps, Activation::none);
  }
}

std::string describe_group_norm(const Attrs& any) {
  const auto& attrs = std::get<GroupNormAttrs>(any);
  return "groups=" + std::to_string(attrs.groups) + " eps=" + float_text(attrs.eps) +
         epilogue_text({attrs.activation, false});
}

std::string describe_layer_norm(const Attrs& any) {
  return "eps=" + float_text(std::get<LayerNormAttrs>(any).eps);
}

}  // namespace

OpInfo group_norm_op() {
  return {OpKind::group_norm,  "group_norm",       infer_group_norm, no_macs,
          evaluate_group_norm, describe_group_norm};
}

OpInfo layer_norm_op() {
  return {OpKind::layer_norm,  "layer_norm",       infer_layer_norm, no_macs,
          evaluate_layer_norm, describe_layer_norm};
}

}  // namespace edgefusion::graph
