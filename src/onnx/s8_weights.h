#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/quantization.h"

namespace edgefusion::onnx {

/// Weights as s8 with a scale for each output: weight[o,i] = code * scale[o] / input_scale[i].
struct S8Weights {
  Tensor codes;               ///< i8, in the shape of the weights
  std::vector<float> scales;  ///< [O]
};

/// Whether the file has them so, with no rotation, and all stacked tensors with the same factors.
bool has_s8_codes(const graph::Node& weight, const TensorSource& weights);

/// The file's codes, stacked. Only if has_s8_codes().
S8Weights s8_codes(const graph::Node& weight, const Shape& shape, const TensorSource& weights);

/// Factors the file's codes have in them, one for each input or one for all; empty: none. Only if
/// has_s8_codes().
std::vector<float> factors_of_codes(const graph::Node& weight, const TensorSource& weights);

/// Floats times the scale of their input, to the nearest step of absmax / 127 of their output: what
/// the engine does with a layer whose file has floats.
S8Weights round_to_s8(const Tensor& floats, const std::vector<float>& input_scale);

}  // namespace edgefusion::onnx
