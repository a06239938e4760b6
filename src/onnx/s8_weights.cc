#include "onnx/s8_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/quantized_tensor.h"

namespace edgefusion::onnx {

bool has_s8_codes(const graph::Node& weight, const TensorSource& weights) {
  const auto& names = weight.as<graph::WeightAttrs>().tensors;
  const QuantizedTensor* first = weights.quantized(names.front());
  return std::ranges::all_of(names, [&](const std::string& name) {
    const QuantizedTensor* part = weights.quantized(name);
    return part != nullptr && part->code == WeightCode::s8 && part->hadamard <= 1 &&
           part->input_scale == first->input_scale;
  });
}

S8Weights s8_codes(const graph::Node& weight, const Shape& shape, const TensorSource& weights) {
  S8Weights result{Tensor(shape, DType::i8), {}};
  std::byte* dst = result.codes.view().data;
  for (const std::string& name : weight.as<graph::WeightAttrs>().tensors) {
    const QuantizedTensor& part = *weights.quantized(name);
    std::memcpy(dst, part.codes, part.code_bytes);
    dst += part.code_bytes;
    result.scales.insert(result.scales.end(), part.scales, part.scales + part.outputs());
  }
  return result;
}

std::vector<float> factors_of_codes(const graph::Node& weight, const TensorSource& weights) {
  const auto& names = weight.as<graph::WeightAttrs>().tensors;
  return weights.quantized(names.front())->input_scale;
}

S8Weights round_to_s8(const Tensor& floats, const std::vector<float>& input_scale) {
  const Shape& shape = floats.shape();
  const int64_t outputs = shape[0], depth = shape.elements() / outputs, taps = depth / shape[1];
  S8Weights result{Tensor(shape, DType::i8), {}};
  const auto codes = result.codes.values<int8_t>();
  const auto given = floats.values<float>();
  std::vector<float> row(static_cast<size_t>(depth));
  for (int64_t o = 0; o < outputs; ++o) {
    float largest = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const float scale = input_scale[static_cast<size_t>(k / taps)];
      row[static_cast<size_t>(k)] = given[static_cast<size_t>(o * depth + k)] * scale;
      largest = std::max(largest, std::abs(row[static_cast<size_t>(k)]));
    }
    const float step = largest > 0 && std::isfinite(largest) ? largest / 127.0f : 1.0f;
    result.scales.push_back(step);
    for (int64_t k = 0; k < depth; ++k) {
      const float code = std::nearbyint(row[static_cast<size_t>(k)] / step);
      codes[static_cast<size_t>(o * depth + k)] =
          std::isnan(code) ? int8_t{0} : static_cast<int8_t>(std::clamp(code, -127.0f, 127.0f));
    }
  }
  return result;
}

}  // namespace edgefusion::onnx
