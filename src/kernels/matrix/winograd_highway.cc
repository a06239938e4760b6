#include <cstring>

#include "kernels/matrix/winograd_transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/winograd_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if !EF_HIGHWAY_IS_FALLBACK
#include "kernels/matrix/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));

/// One of the two passes of B^T d B: four values in a line.
HWY_INLINE void transform_line(VF& a, VF& b, VF& c, VF& e) {
  const VF first = hn::Sub(a, c), second = hn::Add(b, c);
  const VF third = hn::Sub(c, b), fourth = hn::Sub(b, e);
  a = first;
  b = second;
  c = third;
  e = fourth;
}

/// One of the two passes of A^T m A: four values to two.
HWY_INLINE void join_line(VF a, VF b, VF c, VF e, VF& first, VF& second) {
  first = hn::Add(hn::Add(a, b), c);
  second = hn::Sub(hn::Sub(b, c), e);
}

/// One vector of channels of one tile, read from and written to whole vectors.
HWY_INLINE void transform_channels(const uint16_t* const* pixels, int64_t table_rows, int64_t c,
                                   uint16_t* dst, int64_t position_stride) {
  const DF d;
  VF patch[4][4];
#pragma GCC unroll 16
  for (int p = 0; p < kWinogradPositions; ++p) {
    patch[p / 4][p % 4] = load_bf16(d, pixels[p * table_rows] + c);
  }
#pragma GCC unroll 4
  for (int x = 0; x < 4; ++x) transform_line(patch[0][x], patch[1][x], patch[2][x], patch[3][x]);
#pragma GCC unroll 4
  for (int y = 0; y < 4; ++y) transform_line(patch[y][0], patch[y][1], patch[y][2], patch[y][3]);
#pragma GCC unroll 16
  for (int p = 0; p < kWinogradPositions; ++p) {
    store_bf16(d, patch[p / 4][p % 4], dst + p * position_stride);
  }
}

/// The channels that do not fill a vector, through buffers.
HWY_NOINLINE void transform_last_channels(const uint16_t* const* pixels, int64_t table_rows,
                                          int64_t c, int64_t count, uint16_t* dst,
                                          int64_t position_stride) {
  uint16_t in[kWinogradPositions][kLanes] = {};
  uint16_t out[kWinogradPositions][kLanes];
  const uint16_t* rows[kWinogradPositions];
  for (int p = 0; p < kWinogradPositions; ++p) {
    std::memcpy(in[p], pixels[p * table_rows] + c, static_cast<size_t>(count) * sizeof(uint16_t));
    rows[p] = in[p];
  }
  transform_channels(rows, 1, 0, out[0], kLanes);
  for (int p = 0; p < kWinogradPositions; ++p) {
    std::memcpy(dst + p * position_stride, out[p], static_cast<size_t>(count) * sizeof(uint16_t));
  }
}

void winograd_input(const WinogradInput& in) noexcept {
  for (int64_t t = 0; t < in.tiles; ++t) {
    uint16_t* dst = in.dst + t * in.tile_stride;
    int64_t c = 0;
    for (; c + kLanes <= in.channels; c += kLanes) {
      transform_channels(in.pixels + t, in.table_rows, c, dst + c, in.position_stride);
    }
    if (c < in.channels) {
      transform_last_channels(in.pixels + t, in.table_rows, c, in.channels - c, dst + c,
                              in.position_stride);
    }
  }
}

void winograd_output(const WinogradOutput& out) noexcept {
  const DF d;
  for (int64_t t = 0; t < out.tiles; ++t) {
    for (int c = 0; c < kPanelColumns; c += kLanes) {
      const float* sums = out.sums + t * kPanelColumns + c;
      VF m[4][4], joined[2][4], y[2][2];
#pragma GCC unroll 16
      for (int p = 0; p < kWinogradPositions; ++p) {
        m[p / 4][p % 4] = hn::Load(d, sums + p * out.position_stride);
      }
#pragma GCC unroll 4
      for (int x = 0; x < 4; ++x) {
        join_line(m[0][x], m[1][x], m[2][x], m[3][x], joined[0][x], joined[1][x]);
      }
#pragma GCC unroll 2
      for (int r = 0; r < 2; ++r) {
        join_line(joined[r][0], joined[r][1], joined[r][2], joined[r][3], y[r][0], y[r][1]);
      }
#pragma GCC unroll 2
      for (int r = 0; r < 2; ++r) {
        float* line = out.lines[r] + 2 * t * kPanelColumns + c;
        hn::Store(y[r][0], d, line);
        hn::Store(y[r][1], d, line + kPanelColumns);
      }
    }
  }
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<WinogradInputFunction> winograd_input_variants() {
  return EF_HIGHWAY_VARIANTS(WinogradInputFunction, winograd_input);
}
HighwayVariants<WinogradOutputFunction> winograd_output_variants() {
  return EF_HIGHWAY_VARIANTS(WinogradOutputFunction, winograd_output);
}

}  // namespace edgefusion::kernels
#endif
