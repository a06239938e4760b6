#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cpu_features.h"
#include "core/dtype.h"

namespace edgefusion::kernels {

struct KernelInfo;

// Activations of 8 bits, everywhere in this folder and its neighbours: u8 with a zero point,
//
//   value = (q - zero_point) * scale[column]      q = clamp(round(value / scale[column]) +
//   zero_point)
//
// rounding to nearest even, NaN gives zero_point. Kernels are given the inverse of the scales. One
// product and one rounding, in this order and without fused operations, so that every instruction
// set gives the same integers:  t = value * inverse_scale[column] (f32), q = clamp(nearbyint(t) +
// zero_point, 0, 255).

/// The largest QuantizeRows::hadamard.
inline constexpr size_t kMaxHadamard = 4096;

/// Rows of floats -> rows of u8. Every instruction set gives the same bits.
struct QuantizeRows {
  const void* src = nullptr;  ///< [rows, columns] of the table row's dtype, rows ld_src apart
  uint8_t* dst = nullptr;     ///< [rows, columns], rows ld_dst apart
  size_t ld_src = 0, ld_dst = 0;
  size_t columns = 0;
  const float* inverse_scale = nullptr;  ///< [columns]
  int zero_point = 128;                  ///< 0 to 255
  /// If not null the scale of each row is found from the row, and written here: [rows].
  ///   t = value * inverse_scale[column];  r = max |t| / 127, but 1 if that is less than 2^-126
  ///   (1 / r would not be finite) or not finite: any t that is NaN or infinite makes it so;
  ///   q = clamp(nearbyint(t * (1 / r)) + 128, 1, 255), zero_point is not looked at
  float* row_scales = nullptr;
  /// A power of two that divides `columns`: each block of so many t is multiplied by the
  /// orthonormal Hadamard matrix of that size before the rest: butterflies (a, b) -> (a + b, a - b)
  /// of neighbours, then of those 2, 4, ... apart, and at last each times 1 / sqrt(hadamard), in
  /// f32. 0 or 1: not.
  int hadamard = 0;
};

/// u8 -> floats: dst[r, c] = (src[r, c] - zero_point) * scale[c].
struct DequantizeRows {
  const uint8_t* src = nullptr;
  void* dst = nullptr;  ///< of the table row's dtype; bf16 is rounded to nearest even
  size_t ld_src = 0, ld_dst = 0;
  size_t columns = 0;
  const float* scale = nullptr;  ///< [columns]
  int zero_point = 128;
};

struct QuantizeKernels {
  const char* name;
  DType dtype;  ///< of the floats: f32 or bf16
  IsaSet needs;
  void (*quantize)(const QuantizeRows& args, size_t row0, size_t row1) noexcept;
  void (*dequantize)(const DequantizeRows& args, size_t row0, size_t row1) noexcept;
};

/// By dtype (f32, bf16); of one dtype the best first, the scalar reference last.
std::span<const QuantizeKernels> quantize_kernels();
const QuantizeKernels& select_quantize(IsaSet isa, DType dtype);
void list_quantize_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
