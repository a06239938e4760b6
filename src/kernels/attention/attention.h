#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/cpu_features.h"
#include "core/dtype.h"
#include "kernels/attention/attention_args.h"

namespace edgefusion::kernels {

struct KernelInfo;

/// One row of the table: a way to compute Attention on CPUs that have `needs`.
struct AttentionKernel {
  const char* name;
  IsaSet needs;
  DType dtype;  ///< of q, k, v and out; scores, weights' sums and sums of values are f32
  /// Floats of scratch one call of `run` needs, for any number of rows and keys.
  size_t (*scratch_floats)(size_t head_size, size_t value_size) noexcept;
  /// Query rows [row0, row1). `scratch`: scratch_floats() floats, any alignment, one per thread.
  /// A row's bits do not depend on the range it is computed in (given finite v). A row that sees no
  /// key is all zeros; a key whose score is -inf has no weight; NaN or +inf scores give a NaN row.
  /// Weights below 2^-126 of the row's largest may be, below 2^-150 are exactly zero. Rows for bf16
  /// may round q * scale and the weights to bf16, and may take bf16 subnormals for zero.
  void (*run)(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept;
  /// Split rows over threads in multiples of this where possible: a shorter range works the vector
  /// unit less well. Eight times this or more also fetches the keys less often.
  size_t row_tile;
};

/// All rows for f32, then all for bf16; within a dtype best first, the scalar reference last.
std::span<const AttentionKernel> attention_kernels();
/// The rows of the table for `dtype`; empty if there are none.
std::span<const AttentionKernel> attention_kernels(DType dtype);
/// The first row for `dtype`, f32 or bf16, that `isa` can run.
const AttentionKernel& select_attention(IsaSet isa, DType dtype);
/// For kernels/registry.h.
void list_attention_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
