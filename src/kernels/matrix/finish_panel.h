#pragma once

#include <cstdint>

#include "core/activation.h"
#include "core/dtype.h"
#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

namespace edgefusion::kernels {

/// What becomes of the complete sums of some rows of one panel: bias, gate, activation, residual,
/// rounding.
struct FinishPanel {
  /// [rows, kPanelColumns], 64-byte aligned, each times column_scale[c] if there are such; null:
  /// int_sums instead, and the sum of column c is float(int_sums[r][c] + column_offset[c]) *
  /// column_scale[c], then * row_scale[r] if there are such.
  const float* sums = nullptr;
  const int32_t* int_sums = nullptr;
  const int32_t* column_offset = nullptr;  ///< [kPanelColumns], 64-byte aligned
  const float* column_scale = nullptr;     ///< [kPanelColumns], 64-byte aligned
  const float* row_scale = nullptr;        ///< [rows]; null: ones
  const float* bias = nullptr;             ///< [kPanelColumns], 64-byte aligned
  int64_t rows = 0;
  int columns = 0;  ///< results that exist: at most kPanelColumns, half of it when gated
  int gate = 0;     ///< geglu: the gate of column c is column gate + c; 0: not gated
  Activation activation = Activation::none;
  bool activation_after_residual = false;
  const void* residual = nullptr;  ///< at the panel's first result; null: none
  DType residual_type = DType::bf16;
  int64_t residual_stride = 0;
  void* dst = nullptr;           ///< at the panel's first result
  DType dst_type = DType::bf16;  ///< f32, bf16, or u8 as kernels/quantize/quantize.h says, by:
  const float* dst_inverse_scale = nullptr;  ///< [columns]
  int dst_zero_point = 128;
  int64_t dst_stride = 0;
};

using FinishFunction = void (*)(const FinishPanel&) noexcept;

void finish_panel_scalar(const FinishPanel& finish) noexcept;
HighwayVariants<FinishFunction> finish_panel_variants();

/// The best for `isa`; the scalar one if it has no vectors.
FinishFunction select_finish_panel(IsaSet isa);

}  // namespace edgefusion::kernels
