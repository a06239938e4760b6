#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace edgefusion::kernels {

// How activations lie in memory: f32, or bf16. Arithmetic is f32 in either case; what is stored is
// rounded to nearest even, NaN stays NaN.

/// A type of its own, so that templates over the storage type cannot take it for a number.
struct Bf16 {
  uint16_t bits;
};

inline float to_f32(float value) { return value; }
inline float to_f32(Bf16 value) { return bf16_to_f32(value.bits); }

inline void store_rounded(float value, float& dst) { dst = value; }
inline void store_rounded(float value, Bf16& dst) { dst.bits = f32_to_bf16(value); }

}  // namespace edgefusion::kernels
