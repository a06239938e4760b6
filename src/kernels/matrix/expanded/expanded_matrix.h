#pragma once

#include <span>
#include <vector>

#include "kernels/matrix/expanded/quantized_weights.h"
#include "kernels/matrix/matrix.h"

// Layers whose weights stay in few bits in memory: matrix.h's contract on bf16 activations, with
// MatrixArgs::packed_weights as pack_expanded() leaves them and MatrixArgs::format theirs. Each
// block of rows expands a panel, or a chunk of one, into its scratch and multiplies by it with the
// panel kernels of bf16.
//
// What is multiplied: the bf16 nearest to stored_value(); of s8 the integers, which bf16 holds
// exactly, and the f32 sums are multiplied by the scale before anything is added to them.

namespace edgefusion::kernels {

/// Every panel kernel by the direct method, cheapest first, the scalar one last. Members
/// packed_bytes and pack are null: use the functions below.
std::span<const MatrixRow> expanded_matrix_table();

/// The row of the table that `panel` makes.
MatrixRow expanded_row(const PanelKernel& panel);

/// The row that is estimated to be fastest for this shape among those that `isa` can run. Every
/// shape that matrix_takes() has one, with every format that takes_format().
const MatrixRow& select_expanded_matrix(IsaSet isa, const ConvShape& shape);

size_t expanded_bytes(const MatrixRow& row, const QuantizedWeights& weights);
/// Packs panels [begin, end) (so that threads can share), value beside gate if geglu.
void pack_expanded(const MatrixRow& row, const QuantizedWeights& weights, bool geglu, int64_t begin,
                   int64_t end, void* packed) noexcept;

}  // namespace edgefusion::kernels
