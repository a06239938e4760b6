#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/activation.h"
#include "core/cpu_features.h"
#include "core/dtype.h"

namespace edgefusion::kernels {

struct KernelInfo;

// Every function here treats elements (or rows) one by one: a caller splits work over threads by
// passing pointers into the middle, and the bits do not change. `dst` may be `src` (the same
// pointer) unless said otherwise; other overlaps are not allowed. Rows lie ld_* elements apart.

/// dst[r, c] = a[r, c] * gelu(b[r, c]) where src is [rows, 2 * columns] and a, b are its halves.
/// Source: Shazeer 2020; diffusers GEGLU (erf gelu, gate in the second half).
struct Geglu {
  const float* src = nullptr;
  float* dst = nullptr;  ///< [rows, columns]; must not overlap src
  size_t ld_src = 0;
  size_t ld_dst = 0;
  size_t columns = 0;
};

/// dst[r, c] = src[r, c] + row[c]: a bias, or one time embedding added to all pixels of an image.
struct AddRow {
  const float* src = nullptr;
  const float* row = nullptr;  ///< [columns]
  float* dst = nullptr;
  size_t ld_src = 0;
  size_t ld_dst = 0;
  size_t columns = 0;
};

/// dst[r, :] = table[ids[r], :] as f32.
struct Embedding {
  const void* table = nullptr;   ///< [n, columns] of `dtype`, dense
  DType dtype = DType::f32;      ///< f32, f16 or bf16
  const int32_t* ids = nullptr;  ///< [rows]; the caller has checked that each is in [0, n)
  float* dst = nullptr;
  size_t ld_dst = 0;
  size_t columns = 0;
};

/// One row of the table: element-wise loops on CPUs that have `needs`.
struct ElementwiseKernels {
  using Unary = void (*)(const float* src, float* dst, size_t count) noexcept;
  using Binary = void (*)(const float* a, const float* b, float* dst, size_t count) noexcept;

  const char* name;
  IsaSet needs;
  /// Indexed by Activation (`none` copies). Errors are bounded in activation-inl.h; NaN stays NaN.
  std::array<Unary, kActivationCount> activations;
  Binary add;
  Binary mul;
  /// dst = src * scale + shift
  void (*affine)(const float* src, float scale, float shift, float* dst, size_t count) noexcept;
  /// dst = min(max(src, low), high); NaN stays NaN
  void (*clamp)(const float* src, float low, float high, float* dst, size_t count) noexcept;
  void (*add_row)(const AddRow& args, size_t row0, size_t row1) noexcept;
  void (*geglu)(const Geglu& args, size_t row0, size_t row1) noexcept;
  void (*embedding)(const Embedding& args, size_t row0, size_t row1) noexcept;
  /// Exact; NaN stays NaN.
  void (*f16_to_f32)(const uint16_t* src, float* dst, size_t count) noexcept;
  void (*bf16_to_f32)(const uint16_t* src, float* dst, size_t count) noexcept;
  /// dst = round(clamp(src * scale + shift, 0, 1) * 255), halves to even; NaN gives 0.
  /// Pixels in [-1, 1]: scale 0.5, shift 0.5; in [0, 1]: scale 1, shift 0. As diffusers'
  /// VaeImageProcessor (denormalize, numpy round).
  void (*to_u8)(const float* src, float scale, float shift, uint8_t* dst, size_t count) noexcept;

  Unary activation(Activation kind) const { return activations[static_cast<size_t>(kind)]; }
};

/// Best first, the scalar reference last.
std::span<const ElementwiseKernels> elementwise_kernels();
/// The first row of the table that `isa` can run.
const ElementwiseKernels& select_elementwise(IsaSet isa);
/// For kernels/registry.h.
void list_elementwise_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
