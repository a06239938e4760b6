#include <algorithm>
#include <cmath>

#include "graph/ops/ops.h"
#include "graph/ops/shape_rules.h"

// Between the types in which activations are stored: f32, bf16 and u8.

namespace edgefusion::graph {
namespace {

bool is_stored_type(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::u8;
}

Result<Value> infer_convert(const Attrs& any, InputValues inputs) {
  const auto& attrs = std::get<ConvertAttrs>(any);
  const Value& x = required(inputs, 0);
  if (!is_stored_type(x.dtype) || !is_stored_type(attrs.to)) {
    return refuse("x is " + std::string(to_string(x.dtype)) + ", converted to " +
                  std::string(to_string(attrs.to)) + ", expected f32, bf16 or u8");
  }
  const bool has_u8 = x.dtype == DType::u8 || attrs.to == DType::u8;
  const auto channels = static_cast<size_t>(x.shape[-1]);
  if (has_u8 && (attrs.u8 == nullptr || attrs.u8->scale.size() != channels)) {
    return refuse("u8 without a scale for each of " + std::to_string(channels) + " channels");
  }
  EF_TRY(Value output, make_output(x.shape, attrs.to));
  if (attrs.to == DType::u8) output.u8 = attrs.u8;
  return output;
}

uint8_t quantized(float value, float scale, int zero_point) {
  const float steps = value * (1.0f / scale);
  if (std::isnan(steps)) return static_cast<uint8_t>(zero_point);
  const float low = static_cast<float>(-zero_point), high = static_cast<float>(255 - zero_point);
  return static_cast<uint8_t>(std::nearbyint(std::clamp(steps, low, high)) +
                              static_cast<float>(zero_point));
}

void evaluate_convert(const Attrs& any, std::span<const ConstTensorView> inputs,
                      TensorView output) {
  const auto& attrs = std::get<ConvertAttrs>(any);
  const int64_t channels = output.shape[-1];
  for (int64_t i = 0; i < output.shape.elements(); ++i) {
    const auto c = static_cast<size_t>(i % channels);
    float value = load_as_f32(inputs[0], i);
    if (inputs[0].dtype == DType::u8) {
      value = (value - static_cast<float>(attrs.u8->zero_point)) * attrs.u8->scale[c];
    }
    if (output.dtype == DType::f32) {
      output.as<float>()[i] = value;
    } else if (output.dtype == DType::bf16) {
      output.as<uint16_t>()[i] = f32_to_bf16(value);
    } else {
      output.as<uint8_t>()[i] = quantized(value, attrs.u8->scale[c], attrs.u8->zero_point);
    }
  }
}

std::string describe_convert(const Attrs& any) {
  const auto& attrs = std::get<ConvertAttrs>(any);
  std::string text(to_string(attrs.to));
  if (attrs.to == DType::u8) text += " zero_point=" + std::to_string(attrs.u8->zero_point);
  return text;
}

}  // namespace

OpInfo convert_op() {
  return {OpKind::convert, "convert", infer_convert, no_macs, evaluate_convert, describe_convert};
}

}  // namespace edgefusion::graph
