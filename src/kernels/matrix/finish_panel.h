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
  const float* sums = nullptr;  ///< [rows, kPanelColumns], 64-byte aligned
  const float* bias = nullptr;  ///< [kPanelColumns], 64-byte aligned
  int64_t rows = 0;
  int columns = 0;  ///< results that exist: at most kPanelColumns, half of it when gated
  int gate = 0;     ///< geglu: the gate of column c is column gate + c; 0: not gated
  Activation activation = Activation::none;
  bool activation_after_residual = false;
  const void* residual = nullptr;  ///< at the panel's first result; null: none
  DType residual_type = DType::bf16;
  int64_t residual_stride = 0;
  void* dst = nullptr;  ///< at the panel's first result
  DType dst_type = DType::bf16;
  int64_t dst_stride = 0;
};

using FinishFunction = void (*)(const FinishPanel&) noexcept;

void finish_panel_scalar(const FinishPanel& finish) noexcept;
HighwayVariants<FinishFunction> finish_panel_variants();

/// The best for `isa`; the scalar one if it has no vectors.
FinishFunction select_finish_panel(IsaSet isa);

}  // namespace edgefusion::kernels
