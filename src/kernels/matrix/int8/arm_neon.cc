// Rows against a panel with SMLAL, for CPUs without SDOT: rows are widened to s16 once for all
// panels, weights on the way, and multiplied one depth after the other. SMULL on bytes, half the
// work, cannot take unsigned rows by signed weights, and the sum of two products would leave s16.

#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/matrix/int8/panel_int8_rows.h"
#include "kernels/matrix/int8/widened_rows-inl.h"

namespace edgefusion::kernels {
namespace neon_int8 {
namespace {

constexpr int kRows = 8;
constexpr int kLanes = 4;
constexpr int kWidth = 2 * kLanes;  ///< columns of a pass
constexpr int64_t kGroup = 2;
constexpr int64_t kPanelLine = kGroup * kPanelColumns;

template <int kCount>
void multiply_rows(const int16_t* rows, int64_t depth, const int8_t* panel, bool add,
                   int32_t* sums) {
  int32x4_t sum[kCount][2];
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    sum[r][0] = add ? vld1q_s32(sums + r * kPanelColumns) : vdupq_n_s32(0);
    sum[r][1] = add ? vld1q_s32(sums + r * kPanelColumns + kLanes) : vdupq_n_s32(0);
  }
  for (int64_t k = 0; k < depth; k += kGroup, panel += kPanelLine) {
    const int8x8x2_t pairs = vld2_s8(panel);  // first and second of each column's pair
    const int16x8_t first = vmovl_s8(pairs.val[0]), second = vmovl_s8(pairs.val[1]);
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) {
      const int16_t* row = rows + r * depth + k;
      const int16x4_t left = vdup_n_s16(row[0]), right = vdup_n_s16(row[1]);
      sum[r][0] = vmlal_s16(sum[r][0], vget_low_s16(first), left);
      sum[r][1] = vmlal_s16(sum[r][1], vget_high_s16(first), left);
      sum[r][0] = vmlal_s16(sum[r][0], vget_low_s16(second), right);
      sum[r][1] = vmlal_s16(sum[r][1], vget_high_s16(second), right);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    vst1q_s32(sums + r * kPanelColumns, sum[r][0]);
    vst1q_s32(sums + r * kPanelColumns + kLanes, sum[r][1]);
  }
}

template <typename Product>
void multiply(const Product& product) {
  const int64_t depth = total_depth(product);
  const auto* prepared = static_cast<const int16_t*>(product.prepared);
  for (int column = 0; column < kPanelColumns; column += kWidth) {
    const int8_t* panel = product.panel + column * kGroup;
    int64_t row = 0;
    for (; row + kRows <= product.rows; row += kRows) {
      multiply_rows<kRows>(prepared + row * depth, depth, panel, product.add,
                           product.sums + row * kPanelColumns + column);
    }
    for (; row < product.rows; ++row) {
      multiply_rows<1>(prepared + row * depth, depth, panel, product.add,
                       product.sums + row * kPanelColumns + column);
    }
  }
}

}  // namespace
}  // namespace neon_int8

void multiply_int8_neon(const PanelProductU8& product) noexcept { neon_int8::multiply(product); }
void multiply_int8_neon(const PanelProductS8& product) noexcept { neon_int8::multiply(product); }

void prepare_int8_neon(const PanelProductU8& product, void* prepared) noexcept {
  widen_rows(product, prepared);
}

void prepare_int8_neon(const PanelProductS8& product, void* prepared) noexcept {
  widen_rows(product, prepared);
}

size_t prepared_bytes_int8_neon(int64_t rows, int64_t depth) noexcept {
  return widened_bytes(rows, depth);
}

}  // namespace edgefusion::kernels

#endif
