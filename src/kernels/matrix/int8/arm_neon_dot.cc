// Rows against a panel with SDOT: four products a lane, 8 rows x 2 vectors of sums. The instruction
// has no form for unsigned rows and signed weights. Unsigned rows are moved down by 128 on the way,
// which takes 128 times the sum of a column's weights off each sum: added before the first product.

#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/matrix/int8/panel_int8_rows.h"

namespace edgefusion::kernels {
namespace neon_dot {
namespace {

constexpr int kRows = 8;
constexpr int kLanes = 4;
constexpr int kWidth = 2 * kLanes;  ///< columns of a pass
constexpr int kGroup = 4;
constexpr int64_t kPanelLine = int64_t{kGroup} * kPanelColumns;

/// What each sum starts from if it does not add to one that is there.
struct Start {
  int32x4_t columns[2];
};

template <typename Product>
inline constexpr bool kSigned = static_cast<typename Product::Row>(-1) < 0;

template <typename Product>
Start make_start(const Product& product, int column) {
  Start start = {{vdupq_n_s32(0), vdupq_n_s32(0)}};
  if constexpr (!kSigned<Product>) {
    const int8x16_t ones = vdupq_n_s8(1);
    const int8_t* line = product.panel + column * kGroup;
    for (int s = 0; s < product.segment_count; ++s) {
      for (int64_t k = 0; k < product.segments[s].length; k += kGroup, line += kPanelLine) {
        start.columns[0] = vdotq_s32(start.columns[0], ones, vld1q_s8(line));
        start.columns[1] = vdotq_s32(start.columns[1], ones, vld1q_s8(line + 16));
      }
    }
    start.columns[0] = vshlq_n_s32(start.columns[0], 7);
    start.columns[1] = vshlq_n_s32(start.columns[1], 7);
  }
  return start;
}

/// Signed values from rows of either kind.
template <typename Product>
inline int8x16_t as_signed(uint8x16_t values) {
  if constexpr (kSigned<Product>) return vreinterpretq_s8_u8(values);
  return vreinterpretq_s8_u8(veorq_u8(values, vdupq_n_u8(128)));
}

/// Group `kLane` of each row against a line of the panel.
template <int kLane, int kCount>
inline void add_group(const int8_t* line, const int8x16_t (&rows)[kCount],
                      int32x4_t (&sum)[kCount][2]) {
  const int8x16_t b0 = vld1q_s8(line), b1 = vld1q_s8(line + 16);
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    sum[r][0] = vdotq_laneq_s32(sum[r][0], b0, rows[r], kLane);
    sum[r][1] = vdotq_laneq_s32(sum[r][1], b1, rows[r], kLane);
  }
}

template <typename Product, int kCount>
const int8_t* add_segment(const Product& product, int segment, int64_t row, const int8_t* panel,
                          int32x4_t (&sum)[kCount][2]) {
  const auto& from = product.segments[segment];
  const uint8_t* a[kCount];
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    a[r] = reinterpret_cast<const uint8_t*>(from.rows[row + r] + from.offset);
  }
  int64_t k = 0;
  int8x16_t rows[kCount];
  for (; k + 4 * kGroup <= from.length; k += 4 * kGroup, panel += 4 * kPanelLine) {
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) rows[r] = as_signed<Product>(vld1q_u8(a[r] + k));
    add_group<0>(panel, rows, sum);
    add_group<1>(panel + kPanelLine, rows, sum);
    add_group<2>(panel + 2 * kPanelLine, rows, sum);
    add_group<3>(panel + 3 * kPanelLine, rows, sum);
  }
  for (; k < from.length; k += kGroup, panel += kPanelLine) {
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) {
      uint32_t group;
      __builtin_memcpy(&group, a[r] + k, sizeof(group));
      rows[r] = as_signed<Product>(vreinterpretq_u8_u32(vdupq_n_u32(group)));
    }
    add_group<0>(panel, rows, sum);
  }
  return panel;
}

template <typename Product, int kCount>
void multiply_rows(const Product& product, int64_t row, int column, const Start& start) {
  int32_t* sums = product.sums + row * kPanelColumns + column;
  int32x4_t sum[kCount][2];
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[r][v] = start.columns[v];
      if (product.add) {
        sum[r][v] = vaddq_s32(sum[r][v], vld1q_s32(sums + r * kPanelColumns + v * kLanes));
      }
    }
  }
  const int8_t* panel = product.panel + column * kGroup;
  for (int s = 0; s < product.segment_count; ++s) {
    panel = add_segment<Product, kCount>(product, s, row, panel, sum);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
    vst1q_s32(sums + r * kPanelColumns, sum[r][0]);
    vst1q_s32(sums + r * kPanelColumns + kLanes, sum[r][1]);
  }
}

template <typename Product, int kCount>
void multiply_last(const Product& product, int64_t row, int column, const Start& start) {
  if constexpr (kCount > 1) {
    if (product.rows - row < kCount) {
      return multiply_last<Product, kCount - 1>(product, row, column, start);
    }
  }
  multiply_rows<Product, kCount>(product, row, column, start);
}

template <typename Product>
void multiply(const Product& product) {
  for (int column = 0; column < kPanelColumns; column += kWidth) {
    const Start start = make_start(product, column);
    int64_t row = 0;
    for (; row + kRows <= product.rows; row += kRows) {
      multiply_rows<Product, kRows>(product, row, column, start);
    }
    if (row < product.rows) multiply_last<Product, kRows - 1>(product, row, column, start);
  }
}

}  // namespace
}  // namespace neon_dot

void multiply_int8_neon_dot(const PanelProductU8& product) noexcept { neon_dot::multiply(product); }
void multiply_int8_neon_dot(const PanelProductS8& product) noexcept { neon_dot::multiply(product); }

}  // namespace edgefusion::kernels

#endif
