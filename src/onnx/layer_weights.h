#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/exporter.h"

namespace edgefusion::onnx {

/// How the weights of a matrix layer lie in the file.
enum class WeightLayout : uint8_t {
  as_given,    ///< [O,I,KH,KW] of Conv, [O,K] of Gemm with transB
  transposed,  ///< [K,O] of MatMul
  pixelwise,   ///< [O,K,1,1] of Conv, from [O,K]
};

struct MatrixOperands {
  std::string x, weight;
};

/// What a matrix op multiplies: `x` (in the file's layout, `x_shape` as in the graph) and the
/// weights of `node`, both floats, or as the layer's quantisation says:
///   w8a8          x through QuantizeLinear (u8) and DequantizeLinear, s8 weights through
///                 DequantizeLinear with a scale for each output. Scales by channel: x is divided
///                 by them before, as the weights are multiplied by them.
///   others in 8   s8 weights through DequantizeLinear; x a float
///   all others    floats
MatrixOperands matrix_operands(Exporter& e, const graph::Node& node, const std::string& x,
                               const Shape& x_shape, WeightLayout layout);

}  // namespace edgefusion::onnx
