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
//
// `void` pointers are activations, stored as the `dtype` of the table's row says: all f32 or all
// bf16. Arithmetic is f32; a bf16 result is rounded once, to nearest even. NaN stays NaN.

/// dst[r, c] = a[r, c] * gelu(b[r, c]) where src is [rows, 2 * columns] and a, b are its halves.
/// Source: Shazeer 2020; diffusers GEGLU (erf gelu, gate in the second half).
struct Geglu {
  const void* src = nullptr;
  void* dst = nullptr;  ///< [rows, columns]; must not overlap src
  size_t ld_src = 0;
  size_t ld_dst = 0;
  size_t columns = 0;
};

/// dst[r, :] = table[ids[r], :]
struct Embedding {
  const void* table = nullptr;   ///< [n, columns] of `dtype`, dense
  DType dtype = DType::f32;      ///< of the table: f32, f16 or bf16
  const int32_t* ids = nullptr;  ///< [rows]; the caller has checked that each is in [0, n)
  void* dst = nullptr;
  size_t ld_dst = 0;
  size_t columns = 0;
};

/// One row of the table: element-wise loops over activations of `dtype` on CPUs that have `needs`.
struct ElementwiseKernels {
  using Unary = void (*)(const void* src, void* dst, size_t count) noexcept;
  using Binary = void (*)(const void* a, const void* b, void* dst, size_t count) noexcept;

  const char* name;
  DType dtype;  ///< f32 or bf16
  IsaSet needs;
  /// Indexed by Activation (`none` copies). Errors are bounded in activation-inl.h.
  std::array<Unary, kActivationCount> activations;
  Binary add;
  Binary mul;
  /// dst = src * scale + shift
  void (*affine)(const void* src, float scale, float shift, void* dst, size_t count) noexcept;
  void (*geglu)(const Geglu& args, size_t row0, size_t row1) noexcept;
  void (*embedding)(const Embedding& args, size_t row0, size_t row1) noexcept;
  /// The edges of a graph, where values are f32: copies if `dtype` is f32. `dst` is not `src`.
  void (*from_f32)(const float* src, void* dst, size_t count) noexcept;
  void (*to_f32)(const void* src, float* dst, size_t count) noexcept;

  Unary activation(Activation kind) const { return activations[static_cast<size_t>(kind)]; }
};

/// By dtype (f32, bf16); of one dtype the best first, the scalar reference last.
std::span<const ElementwiseKernels> elementwise_kernels();
/// The first row for `dtype` that `isa` can run.
const ElementwiseKernels& select_elementwise(IsaSet isa, DType dtype);
/// For kernels/registry.h.
void list_elementwise_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
