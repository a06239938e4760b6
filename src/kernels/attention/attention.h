#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/cpu_features.h"

namespace edgefusion::kernels {

struct KernelInfo;

/// Scaled dot-product attention of one head of one batch entry, f32:
///   out[i] = sum_j w[i,j] v[j],  w[i,:] = softmax over the keys j that i may see of scale
///   q[i].k[j]
/// All pointers stand at column 0 of this head; rows are ld* floats apart (any alignment), so heads
/// that lie side by side in [T, heads * head_size] are read and written in place.
struct Attention {
  const float* q = nullptr;  ///< [queries, head_size]
  const float* k = nullptr;  ///< [keys, head_size]
  const float* v = nullptr;  ///< [keys, value_size]
  float* out = nullptr;      ///< [queries, value_size]; must not overlap the inputs
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
};

/// One row of the table: a way to compute Attention on CPUs that have `needs`.
struct AttentionKernel {
  const char* name;
  IsaSet needs;
  /// Floats of scratch one call of `run` needs, for any number of rows and keys.
  size_t (*scratch_floats)(size_t head_size, size_t value_size) noexcept;
  /// Query rows [row0, row1). `scratch`: scratch_floats() floats, any alignment, one per thread.
  /// A row's bits do not depend on the range it is computed in (given finite v). A row that sees no
  /// key is all zeros; a key whose score is -inf has no weight; NaN or +inf scores give a NaN row.
  /// Weights below 2^-126 of the row's largest are exactly zero.
  void (*run)(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept;
  /// Split rows over threads in multiples of this where possible: a shorter range works the vector
  /// unit less well. Eight times this or more also fetches the keys less often.
  size_t row_tile;
};

/// Best first, the scalar reference last.
std::span<const AttentionKernel> attention_kernels();
/// The first kernel of the table that `isa` can run.
const AttentionKernel& select_attention(IsaSet isa);
/// For kernels/registry.h.
void list_attention_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
