#include <cstddef>

#include "kernels/activation.h"
#include "kernels/matrix/finish_panel.h"
#include "kernels/quantize/quantized.h"

namespace edgefusion::kernels {
namespace {

float load(const void* from, DType type, int64_t index) {
  if (type == DType::f32) return static_cast<const float*>(from)[index];
  return bf16_to_f32(static_cast<const uint16_t*>(from)[index]);
}

/// Sum and bias. Sums of integers wrap, as those of the panel kernels do.
float biased(const FinishPanel& f, int64_t row, int column) {
  const int64_t at = row * kPanelColumns + column;
  if (f.sums != nullptr) return f.sums[at] + f.bias[column];
  const auto sum = static_cast<int32_t>(static_cast<uint32_t>(f.int_sums[at]) +
                                        static_cast<uint32_t>(f.column_offset[column]));
  const float value = static_cast<float>(sum) * f.column_scale[column];
  return (f.row_scale != nullptr ? value * f.row_scale[row] : value) + f.bias[column];
}

float finished(const FinishPanel& f, int64_t row, int column) {
  float x = biased(f, row, column);
  if (f.gate != 0) x *= activate(Activation::gelu, biased(f, row, column + f.gate));
  if (f.residual == nullptr) return activate(f.activation, x);
  const float residual = load(f.residual, f.residual_type, row * f.residual_stride + column);
  if (f.activation_after_residual) return activate(f.activation, x + residual);
  return activate(f.activation, x) + residual;
}

void store(const FinishPanel& f, float value, int64_t row, int column) {
  const int64_t at = row * f.dst_stride + column;
  switch (f.dst_type) {
    case DType::f32:
      static_cast<float*>(f.dst)[at] = value;
      break;
    case DType::u8:
      static_cast<uint8_t*>(f.dst)[at] =
          quantized(value * f.dst_inverse_scale[column], f.dst_zero_point);
      break;
    default:
      static_cast<uint16_t*>(f.dst)[at] = f32_to_bf16(value);
  }
}

}  // namespace

void finish_panel_scalar(const FinishPanel& f) noexcept {
  for (int64_t row = 0; row < f.rows; ++row) {
    for (int column = 0; column < f.columns; ++column) {
      store(f, finished(f, row, column), row, column);
    }
  }
}

FinishFunction select_finish_panel(IsaSet isa) {
  const FinishFunction best = finish_panel_variants().best(isa);
  return best != nullptr ? best : finish_panel_scalar;
}

}  // namespace edgefusion::kernels
