#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/quantized_tensor.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "engine/lowering.h"
#include "graph/quantization.h"
#include "kernels/matrix/int8/int8_matrix.h"

namespace edgefusion::engine {

/// Weights of 8 bits with one scale for each output.
struct S8Weights {
  std::vector<int8_t> codes;  ///< [O,I,taps]
  std::vector<float> scales;  ///< [O]
  int64_t outputs = 0, inputs = 0, taps = 1;

  kernels::Int8Weights view() const { return {codes.data(), scales.data(), outputs, inputs, taps}; }
};

/// Floats [O,I] or [O,I,KH,KW] times the scale of their input, rotated as `hadamard` says (linear
/// layers; 0: not), to the nearest step of absmax / 127 of their output.
S8Weights round_to_s8(const ConstTensorView& weights, std::span<const float> input_scale,
                      int hadamard, ThreadPool& pool);

/// The weights of the layer the lowering stands at: as the file has them, else rounded now.
S8Weights s8_weights(Lowering& lowering, const graph::LayerQuantization& layer);

/// A hash of the numbers that decide the packed bytes of a quantised layer beside its tensors.
std::string packed_numbers(const graph::LayerQuantization& layer, bool from_floats);

}  // namespace edgefusion::engine
