// Rows against a panel with SMMLA and USMMLA: 32 products an instruction.

#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/matrix/int8/panel_int8_rows.h"
#include "kernels/matrix/mmla_panel-inl.h"

namespace edgefusion::kernels {
namespace neon_i8mm {
namespace {

struct Sums {
  using Sum = int32x4_t;

  static Sum zero() { return vdupq_n_s32(0); }
  static Sum load(const int32_t* from) { return vld1q_s32(from); }
  static void store(Sum sum, int32_t* to) { vst1q_s32(to, sum); }
  static Sum low_halves(Sum a, Sum b) { return vcombine_s32(vget_low_s32(a), vget_low_s32(b)); }
  static Sum high_halves(Sum a, Sum b) { return vcombine_s32(vget_high_s32(a), vget_high_s32(b)); }
};

struct Smmla : Sums {
  static Sum multiply(Sum sum, uint8x16_t rows, uint8x16_t columns) {
    return vmmlaq_s32(sum, vreinterpretq_s8_u8(rows), vreinterpretq_s8_u8(columns));
  }
};

struct Usmmla : Sums {
  static Sum multiply(Sum sum, uint8x16_t rows, uint8x16_t columns) {
    return vusmmlaq_s32(sum, rows, vreinterpretq_s8_u8(columns));
  }
};

}  // namespace
}  // namespace neon_i8mm

void multiply_int8_neon_i8mm(const PanelProductU8& product) noexcept {
  MmlaPanel<neon_i8mm::Usmmla, PanelProductU8>::multiply(product);
}

void multiply_int8_neon_i8mm(const PanelProductS8& product) noexcept {
  MmlaPanel<neon_i8mm::Smmla, PanelProductS8>::multiply(product);
}

}  // namespace edgefusion::kernels

#endif
