#include "onnx/file_tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/quantized_tensor.h"

namespace edgefusion::onnx {

Tensor float_weight(const graph::Node& weight, const Shape& shape, const TensorSource& weights) {
  Tensor result(shape, DType::f32);
  float* dst = result.values<float>().data();
  for (const std::string& name : weight.as<graph::WeightAttrs>().tensors) {
    const ConstTensorView* tensor = weights.find(name);
    EF_CHECK(tensor != nullptr, name + " was there when the graph was built");
    const int64_t count = tensor->shape.elements();
    if (const QuantizedTensor* codes = weights.quantized(name)) {
      const Tensor floats = dequantized(*codes);
      std::ranges::copy(floats.values<float>(), dst);
    } else {
      convert_to_f32(*tensor, dst);
    }
    weights.release(name);
    dst += count;
  }
  return result;
}

Tensor transposed(const Tensor& matrix, int64_t rows, int64_t columns) {
  EF_CHECK(matrix.elements() == rows * columns, matrix.shape().to_string());
  Tensor result(Shape{columns, rows}, matrix.dtype());
  const size_t width = size_of(matrix.dtype());
  const std::byte* src = matrix.view().data;
  std::byte* dst = result.view().data;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      std::memcpy(dst + static_cast<size_t>(c * rows + r) * width,
                  src + static_cast<size_t>(r * columns + c) * width, width);
    }
  }
  return result;
}

Result<Tensor> in_type(Tensor values, DType type) {
  if (type == DType::f32) return values;
  Tensor result(values.shape(), DType::f16);
  const auto from = std::as_const(values).values<float>();
  const auto to = result.values<uint16_t>();
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = f32_to_f16(from[i]);
    if (std::isfinite(from[i]) && !std::isfinite(f16_to_f32(to[i]))) {
      return fail(ErrorCode::bad_file,
                  "value " + std::to_string(from[i]) + " does not fit f16, expected at most 65504");
    }
  }
  return result;
}

}  // namespace edgefusion::onnx
