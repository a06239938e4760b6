#include <cstddef>

#include "kernels/activation.h"
#include "kernels/matrix/finish_panel.h"

namespace edgefusion::kernels {
namespace {

float load(const void* from, DType type, int64_t index) {
  if (type == DType::f32) return static_cast<const float*>(from)[index];
  return bf16_to_f32(static_cast<const uint16_t*>(from)[index]);
}

float finished(const FinishPanel& f, int64_t row, int column) {
  const float* sums = f.sums + row * kPanelColumns;
  float x = sums[column] + f.bias[column];
  if (f.gate != 0) {
    x *= activate(Activation::gelu, sums[column + f.gate] + f.bias[column + f.gate]);
  }
  if (f.residual == nullptr) return activate(f.activation, x);
  const float residual = load(f.residual, f.residual_type, row * f.residual_stride + column);
  if (f.activation_after_residual) return activate(f.activation, x + residual);
  return activate(f.activation, x) + residual;
}

}  // namespace

void finish_panel_scalar(const FinishPanel& f) noexcept {
  for (int64_t row = 0; row < f.rows; ++row) {
    for (int column = 0; column < f.columns; ++column) {
      const float value = finished(f, row, column);
      const int64_t at = row * f.dst_stride + column;
      if (f.dst_type == DType::f32) {
        static_cast<float*>(f.dst)[at] = value;
      } else {
        static_cast<uint16_t*>(f.dst)[at] = f32_to_bf16(value);
      }
    }
  }
}

FinishFunction select_finish_panel(IsaSet isa) {
  const FinishFunction best = finish_panel_variants().best(isa);
  return best != nullptr ? best : finish_panel_scalar;
}

}  // namespace edgefusion::kernels
