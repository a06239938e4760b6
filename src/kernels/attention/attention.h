#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cpu_features.h"
#include "core/dtype.h"
#include "kernels/attention/attention_args.h"

namespace edgefusion::kernels {

struct KernelInfo;

/// What the products of scores and of values are made of.
enum class AttentionArithmetic : uint8_t {
  float_rows,  ///< the row's dtype, f32 or bf16
  int8,        ///< 8 bits, of bf16 rows: attention_int8_formula-inl.h
};

/// One row of the table: a way to compute Attention on CPUs that have `needs`.
struct AttentionKernel {
  const char* name;
  IsaSet needs;
  DType dtype;  ///< of q, k, v and out; scores, weights' sums and sums of values are f32
  AttentionArithmetic arithmetic;
  /// Floats of scratch one call of `run` needs, for any number of rows and keys.
  size_t (*scratch_floats)(size_t head_size, size_t value_size) noexcept;
  /// Query rows [row0, row1). `scratch`: scratch_floats() floats, any alignment, one per thread.
  /// A row's bits do not depend on the range it is computed in (given finite v). A row that sees no
  /// key is all zeros; a key whose score is -inf has no weight; NaN or +inf scores give a NaN row.
  /// Weights below 2^-126 of the row's largest may be, below 2^-150 are exactly zero. Rows for bf16
  /// may round q * scale and the weights to bf16, and may take bf16 subnormals for zero.
  ///
  /// Rows of int8 want q, k and v to be finite and |scale q.k| below 10^6; without that, what they
  /// write is any numbers. All of them write the same bits. They look at all keys that key_mask
  /// leaves, also those that a causal row does not see: a head's keys and values share the numbers
  /// that 8 bits are made with. They can write u8 (Attention::out_u8).
  void (*run)(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept;
  /// Split rows over threads in multiples of this where possible: a shorter range works the vector
  /// unit less well. Eight times this or more also fetches the keys less often.
  size_t row_tile;
};

/// All rows for f32, then all for bf16, then those of int8; within these best first, the scalar
/// reference last.
std::span<const AttentionKernel> attention_kernels();
/// The rows of the table for `dtype` and `arithmetic`; empty if there are none.
std::span<const AttentionKernel> attention_kernels(
    DType dtype, AttentionArithmetic arithmetic = AttentionArithmetic::float_rows);
/// The first row for `dtype`, f32 or bf16 (bf16 alone for int8), that `isa` can run.
const AttentionKernel& select_attention(
    IsaSet isa, DType dtype, AttentionArithmetic arithmetic = AttentionArithmetic::float_rows);
/// For kernels/registry.h.
void list_attention_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
