#pragma once

#include "kernels/gemm/gemm.h"

namespace edgefusion::kernels {

/// Panels of 8 outputs: enough for a compiler to keep eight sums going without being told.
inline constexpr Tile kScalarTile{1, 8, 1};

/// The readable reference for weights stored as f32, f16 or bf16; needs no scratch.
GemmFunction scalar_gemm(DType weights);

/// Element `index` of packed weights.
template <DType kWeights>
inline float scalar_weight(const void* packed, int64_t index) {
  if constexpr (kWeights == DType::f16) {
    return f16_to_f32(static_cast<const uint16_t*>(packed)[index]);
  } else if constexpr (kWeights == DType::bf16) {
    return bf16_to_f32(static_cast<const uint16_t*>(packed)[index]);
  } else {
    return static_cast<const float*>(packed)[index];
  }
}

/// What becomes of a complete sum (bias included) at [row, column].
float finish_scalar(const Epilogue& epilogue, int64_t row, int64_t column, float sum);

}  // namespace edgefusion::kernels
