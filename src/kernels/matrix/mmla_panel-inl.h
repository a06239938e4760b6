#pragma once

#include <arm_neon.h>

#include "kernels/matrix/panel_product.h"

// Rows against a panel with Arm's matrix instructions, which multiply two rows by two columns, 8
// bytes deep each: panels have groups of 8 bytes. 8 rows x 8 columns of sums in 16 registers.
// `Op` gives the sums' vector and the instruction; it lives in a namespace of its instruction set,
// so that no function here is shared between files.

namespace edgefusion::kernels {

template <typename Op, typename Product>
struct MmlaPanel {
  using Vector = typename Op::Sum;  ///< row0 x column0, row0 x column1, row1 x column0, ...
  using Value = typename Product::Sum;

  static constexpr int kRows = 8;
  static constexpr int kColumns = 8;
  static constexpr int kGroupBytes = 8;
  static constexpr int kPanelLine = kPanelColumns * kGroupBytes;

  static void multiply(const Product& product) noexcept {
    for (int column = 0; column < kPanelColumns; column += kColumns) {
      int64_t row = 0;
      for (; row + kRows <= product.rows; row += kRows) multiply_rows<4>(product, row, column);
      if (row < product.rows) multiply_last<4>(product, row, column);
    }
  }

 private:
  template <int kPairs>
  static void multiply_last(const Product& product, int64_t row, int column) {
    if constexpr (kPairs > 1) {
      if (product.rows - row <= 2 * (kPairs - 1)) {
        return multiply_last<kPairs - 1>(product, row, column);
      }
    }
    multiply_rows<kPairs>(product, row, column);
  }

  /// An odd last row stands for its partner too: there is room for sums nobody reads.
  template <int kPairs>
  static void multiply_rows(const Product& product, int64_t row, int column) {
    Vector sum[kPairs][4];
    Value* sums = product.sums + row * kPanelColumns + column;
#pragma GCC unroll 4
    for (int i = 0; i < kPairs; ++i) begin_pair(sums + 2 * i * kPanelColumns, product.add, sum[i]);
    const auto* panel = reinterpret_cast<const uint8_t*>(product.panel) + column * kGroupBytes;
    for (int s = 0; s < product.segment_count; ++s) {
      const auto& segment = product.segments[s];
      const uint8_t* a[2 * kPairs];
#pragma GCC unroll 8
      for (int r = 0; r < 2 * kPairs; ++r) {
        const int64_t present = row + r < product.rows ? row + r : product.rows - 1;
        a[r] = reinterpret_cast<const uint8_t*>(segment.rows[present] + segment.offset);
      }
      const int64_t bytes = segment.length * static_cast<int64_t>(sizeof(typename Product::Row));
      int64_t at = 0;
      for (; at + 2 * kGroupBytes <= bytes; at += 2 * kGroupBytes, panel += 2 * kPanelLine) {
        uint8x16_t low[kPairs], high[kPairs];
#pragma GCC unroll 4
        for (int i = 0; i < kPairs; ++i) {
          const uint8x16_t first = vld1q_u8(a[2 * i] + at), second = vld1q_u8(a[2 * i + 1] + at);
          low[i] = vcombine_u8(vget_low_u8(first), vget_low_u8(second));
          high[i] = vcombine_u8(vget_high_u8(first), vget_high_u8(second));
        }
        add_group<kPairs>(panel, low, sum);
        add_group<kPairs>(panel + kPanelLine, high, sum);
      }
      if (at < bytes) {
        uint8x16_t rest[kPairs];
#pragma GCC unroll 4
        for (int i = 0; i < kPairs; ++i) {
          rest[i] = vcombine_u8(vld1_u8(a[2 * i] + at), vld1_u8(a[2 * i + 1] + at));
        }
        add_group<kPairs>(panel, rest, sum);
        panel += kPanelLine;
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kPairs; ++i) end_pair(sum[i], sums + 2 * i * kPanelColumns);
  }

  template <int kPairs>
  static void add_group(const uint8_t* panel, const uint8x16_t (&rows)[kPairs],
                        Vector (&sum)[kPairs][4]) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const uint8x16_t columns = vld1q_u8(panel + 16 * j);
#pragma GCC unroll 4
      for (int i = 0; i < kPairs; ++i) sum[i][j] = Op::multiply(sum[i][j], rows[i], columns);
    }
  }

  static void begin_pair(const Value* sums, bool add, Vector (&sum)[4]) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      const Vector first = add ? Op::load(sums + 4 * v) : Op::zero();
      const Vector second = add ? Op::load(sums + kPanelColumns + 4 * v) : Op::zero();
      sum[2 * v] = Op::low_halves(first, second);
      sum[2 * v + 1] = Op::high_halves(first, second);
    }
  }

  static void end_pair(const Vector (&sum)[4], Value* sums) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      Op::store(Op::low_halves(sum[2 * v], sum[2 * v + 1]), sums + 4 * v);
      Op::store(Op::high_halves(sum[2 * v], sum[2 * v + 1]), sums + kPanelColumns + 4 * v);
    }
  }
};

}  // namespace edgefusion::kernels
