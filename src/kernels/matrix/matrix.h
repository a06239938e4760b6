#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/activation.h"
#include "core/cpu_features.h"
#include "core/dtype.h"
#include "kernels/conv/conv.h"
#include "kernels/matrix/expanded/weight_format.h"
#include "kernels/matrix/panel_kernel.h"
#include "kernels/packed_weights.h"
#include "kernels/registry.h"

// The contract of the matrix family: linear layers and convolutions on bf16 activations and bf16
// weights, summed in f32. A linear layer is a 1x1 convolution over a picture of one line.
//
//   dst[n,y,x,o] = epilogue(bias[o] + image_add[n,o]
//                           + sum_{tap,i} in[n, y*stride - pad_top + ky, x*stride - pad_left + kx,
//                           i]
//                                         * weights[o,i,ky,kx])
//
// `in` as in kernels/conv/conv.h: src, src enlarged by two, or src and src2 side by side. Results
// do not depend on how rows and panels are split among calls.

namespace edgefusion::kernels {

struct MatrixEpilogue {
  const float* bias = nullptr;       ///< [outputs before gating]; null: zeros
  const float* image_add = nullptr;  ///< [N, outputs]; null: zeros. Not together with geglu
  Activation activation = Activation::none;
  bool activation_after_residual = false;
  /// Output o is (sum o) * gelu(sum outputs / 2 + o): half as many results as rows of weights.
  bool geglu = false;
  const void* residual = nullptr;  ///< rows like dst; null: none
  DType residual_type = DType::bf16;
  int64_t residual_stride = 0;
};

struct MatrixArgs {
  ConvShape shape;                 ///< outputs: rows of the weights
  const uint16_t* src = nullptr;   ///< [N,H,W,channels] bf16
  int64_t src_stride = 0;          ///< elements from one pixel to the next
  const uint16_t* src2 = nullptr;  ///< [N,H,W,channels2] bf16
  int64_t src2_stride = 0;
  const void* packed_weights = nullptr;
  WeightFormat format;           ///< of the weights, for rows of expanded_matrix.h alone
  void* dst = nullptr;           ///< [N,OH,OW,outputs or half], overlaps no input
  DType dst_type = DType::bf16;  ///< or f32
  int64_t dst_stride = 0;
  MatrixEpilogue epilogue;
};

/// A range counts the row's own units: see MatrixRow::units.
struct MatrixRow {
  std::string name;  ///< "matrix_bf16_direct_12x32_avx512_bf16"
  IsaSet needs;
  const PanelKernel* panel = nullptr;
  /// Whether the row can do this; channel counts are even.
  bool (*takes)(const MatrixRow&, const ConvShape&) noexcept = nullptr;
  /// Estimated cycles of one thread for the whole: what the choice goes by.
  double (*cost)(const MatrixRow&, const ConvShape&) noexcept = nullptr;
  /// What rows of a GemmRange count: output pixels, or tiles of them.
  int64_t (*units)(const ConvShape&) noexcept = nullptr;
  /// Lines of output pixels that a unit spans: units of a band of lines that begins at a multiple
  /// of it are neighbours.
  int64_t unit_lines = 1;
  int64_t (*unit_tile)(const MatrixRow&) noexcept = nullptr;
  size_t (*packed_bytes)(const MatrixRow&, const WeightsView&) noexcept = nullptr;
  /// Packs panels [begin, end). Weights of a gated layer are packed value beside gate.
  void (*pack)(const MatrixRow&, const WeightsView&, bool geglu, int64_t begin, int64_t end,
               void* packed) noexcept = nullptr;
  size_t (*scratch_bytes)(const MatrixRow&, const ConvShape&) noexcept = nullptr;
  void (*run)(const MatrixRow&, const MatrixArgs&, const GemmRange&,
              void* scratch) noexcept = nullptr;

  int64_t panels(int64_t outputs) const;
};

/// Channel counts and kernel sizes that the family takes at all.
bool matrix_takes(const ConvShape& shape);

/// All rows of this build: every method with every panel kernel, the scalar ones last.
std::span<const MatrixRow> matrix_table();

/// The row of a table that is estimated to be fastest for this shape among those that `isa` can
/// run.
const MatrixRow& cheapest_row(std::span<const MatrixRow> table, IsaSet isa, const ConvShape& shape);
const MatrixRow& select_matrix(IsaSet isa, const ConvShape& shape);

void list_matrix_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
