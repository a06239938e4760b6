// Rows against a panel with BFMMLA: twice the products of BFDOT in one instruction.

#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/matrix/mmla_panel-inl.h"
#include "kernels/matrix/panel_rows.h"

namespace edgefusion::kernels {
namespace neon_bf16 {
namespace {

struct Bfmmla {
  using Sum = float32x4_t;

  static Sum zero() { return vdupq_n_f32(0.0f); }
  static Sum load(const float* from) { return vld1q_f32(from); }
  static void store(Sum sum, float* to) { vst1q_f32(to, sum); }
  static Sum low_halves(Sum a, Sum b) { return vcombine_f32(vget_low_f32(a), vget_low_f32(b)); }
  static Sum high_halves(Sum a, Sum b) { return vcombine_f32(vget_high_f32(a), vget_high_f32(b)); }
  static Sum multiply(Sum sum, uint8x16_t rows, uint8x16_t columns) {
    return vbfmmlaq_f32(sum, vreinterpretq_bf16_u8(rows), vreinterpretq_bf16_u8(columns));
  }
};

}  // namespace
}  // namespace neon_bf16

void multiply_panel_8x8_neon_bf16(const PanelProduct& product) noexcept {
  MmlaPanel<neon_bf16::Bfmmla, PanelProduct>::multiply(product);
}

}  // namespace edgefusion::kernels

#endif
