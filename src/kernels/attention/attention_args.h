#pragma once

#include <cstddef>

// Apart from attention.h because files compiled for one instruction set must not include the
// standard library's containers: the linker could keep their copy of an inline function.

namespace edgefusion::kernels {

/// Scaled dot-product attention of one head of one batch entry:
///   out[i] = sum_j w[i,j] v[j],  w[i,:] = softmax over the keys j that i may see of scale
///   q[i].k[j]
/// q, k, v and out have the kernel's dtype, f32 or bf16. Their pointers stand at column 0 of this
/// head; rows are ld* elements apart (aligned to an element), so heads that lie side by side in
/// [T, heads * head_size] are read and written in place.
struct Attention {
  const void* q = nullptr;  ///< [queries, head_size]
  const void* k = nullptr;  ///< [keys, head_size]
  const void* v = nullptr;  ///< [keys, value_size]
  void* out = nullptr;      ///< [queries, value_size]; must not overlap the inputs
  size_t ldq = 0;
  size_t ldk = 0;
  size_t ldv = 0;
  size_t ldo = 0;
  size_t keys = 0;
  size_t head_size = 0;   ///< of q and k, >= 1
  size_t value_size = 0;  ///< of v and out, >= 1
  float scale = 1.0f;     ///< usually 1 / sqrt(head_size)
  bool causal = false;    ///< query i sees keys j <= i only (both counted from row 0)
  /// [keys], or null: a key whose entry is 0 is not read at all and has exactly no weight.
  const float* key_mask = nullptr;
  /// Rows of 8-bit arithmetic alone: `out` is u8, each result rounded as
  /// kernels/quantize/quantize.h says by these; the others neither write u8 nor look at them.
  bool out_u8 = false;
  const float* dst_inverse_scale = nullptr;  ///< [value_size]
  int dst_zero_point = 128;
};

}  // namespace edgefusion::kernels
