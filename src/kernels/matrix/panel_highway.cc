// Rows against a panel in f32 arithmetic: both values of a pair are expanded and multiplied one
// after the other. For CPUs without bf16 products; costs what an f32 product costs, reads half.

#include "kernels/matrix/panel_highway.h"

#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/panel_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if !EF_HIGHWAY_IS_FALLBACK

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));
// Registers of sums: rows x vectors of the part of the panel that one pass covers.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
inline constexpr int kRows = 8, kVectors = 2;
#else
inline constexpr int kRows = 4, kVectors = 2;
#endif
inline constexpr int kWidth = kVectors * kLanes;
static_assert(kPanelColumns % kWidth == 0);

HWY_INLINE float low_value(uint32_t pair) { return std::bit_cast<float>(pair << 16); }
HWY_INLINE float high_value(uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000u); }

template <int kCount>
HWY_NOINLINE void multiply_rows(const PanelProduct& product, int64_t row, int column) {
  const DF d;
  const hn::RebindToUnsigned<DF> du;
  float* sums = product.sums + row * kPanelColumns + column;
  VF sum[kCount][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = product.add ? hn::Load(d, sums + r * kPanelColumns + v * kLanes) : hn::Zero(d);
    }
  }
  const auto* panel = reinterpret_cast<const uint32_t*>(product.panel) + column;
  for (int s = 0; s < product.segment_count; ++s) {
    const RowSegment& segment = product.segments[s];
    for (int64_t k = 0; k < segment.length; k += 2, panel += kPanelColumns) {
      VF low[kVectors], high[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const auto pairs = hn::Load(du, panel + v * kLanes);
        low[v] = hn::BitCast(d, hn::ShiftLeft<16>(pairs));
        high[v] = hn::BitCast(d, hn::And(pairs, hn::Set(du, 0xffff0000u)));
      }
#pragma GCC unroll 8
      for (int r = 0; r < kCount; ++r) {
        uint32_t pair;
        std::memcpy(&pair, segment.rows[row + r] + segment.offset + k, sizeof(pair));
        const VF first = hn::Set(d, low_value(pair)), second = hn::Set(d, high_value(pair));
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          sum[r][v] = hn::MulAdd(first, low[v], sum[r][v]);
          sum[r][v] = hn::MulAdd(second, high[v], sum[r][v]);
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[r][v], d, sums + r * kPanelColumns + v * kLanes);
    }
  }
}

template <int kCount>
HWY_INLINE void multiply_last(const PanelProduct& product, int64_t row, int64_t count, int column) {
  if constexpr (kCount > 1) {
    if (count < kCount) return multiply_last<kCount - 1>(product, row, count, column);
  }
  multiply_rows<kCount>(product, row, column);
}

#endif

void multiply_panel(const PanelProduct& product) noexcept {
#if EF_HIGHWAY_IS_FALLBACK
  (void)product;
#else
  for (int column = 0; column < kPanelColumns; column += kWidth) {
    int64_t row = 0;
    for (; row + kRows <= product.rows; row += kRows) multiply_rows<kRows>(product, row, column);
    if (row < product.rows) multiply_last<kRows - 1>(product, row, product.rows - row, column);
  }
#endif
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<PanelFunction> multiply_panel_variants() {
  return EF_HIGHWAY_VARIANTS(PanelFunction, multiply_panel);
}

}  // namespace edgefusion::kernels
#endif
