#include <cstring>

#include "kernels/matrix/winograd_transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/winograd_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#if !EF_HIGHWAY_IS_FALLBACK
#include "kernels/elementwise/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(DF()));

HWY_INLINE VF load_pixel(const uint16_t* from) {
  return load_f32(DF(), reinterpret_cast<const Bf16*>(from));
}

/// Rounds as store_rounded() does, for x that is a sum of values which were bf16: such a NaN has
/// nothing in its low half (nor has one that arithmetic makes), so rounding cannot carry it over
/// into another number, and need not look for it.
HWY_INLINE void store_transformed(VF x, uint16_t* to) {
  const hn::Rebind<uint16_t, DF> d16;
  const hn::RebindToUnsigned<DF> d32;
  const auto bits = hn::BitCast(d32, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1u));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(d32, 0x7fffu)), odd);
  hn::StoreU(hn::TruncateTo(d16, hn::ShiftRight<16>(rounded)), d16, to);
}

// One of the two passes of B^T d B: a line of a patch, in place.

HWY_INLINE void transform_line(VF (&d)[3]) {
  d[0] = hn::Sub(d[0], d[1]);
  d[2] = hn::Sub(d[1], d[2]);
}

HWY_INLINE void transform_line(VF (&d)[4]) {
  const VF first = hn::Sub(d[0], d[2]), last = hn::Sub(d[1], d[3]);
  const VF sum = hn::Add(d[1], d[2]), difference = hn::Sub(d[2], d[1]);
  d[0] = first;
  d[1] = sum;
  d[2] = difference;
  d[3] = last;
}

inline constexpr float kA = 0.625f, kB = 1.5f;  // the points; see winograd_transform.h
inline constexpr float kA2 = kA * kA, kB2 = kB * kB;

HWY_INLINE void transform_line(VF (&d)[6]) {
  const DF t;
  const VF sum_of_squares = hn::Set(t, kA2 + kB2), product = hn::Set(t, kA2 * kB2);
  const VF a2 = hn::Set(t, kA2), b2 = hn::Set(t, kB2);
  const VF first = hn::MulAdd(product, d[0], hn::NegMulAdd(sum_of_squares, d[2], d[4]));
  const VF last = hn::MulAdd(product, d[1], hn::NegMulAdd(sum_of_squares, d[3], d[5]));
  const VF even_a = hn::NegMulAdd(b2, d[2], d[4]), even_b = hn::NegMulAdd(a2, d[2], d[4]);
  const VF odd_a = hn::Mul(hn::Set(t, kA), hn::NegMulAdd(b2, d[1], d[3]));
  const VF odd_b = hn::Mul(hn::Set(t, kB), hn::NegMulAdd(a2, d[1], d[3]));
  d[0] = first;
  d[1] = hn::Add(even_a, odd_a);
  d[2] = hn::Sub(even_a, odd_a);
  d[3] = hn::Add(even_b, odd_b);
  d[4] = hn::Sub(even_b, odd_b);
  d[5] = last;
}

// One of the two passes of A^T s A.

HWY_INLINE void join_line(const VF (&s)[3], VF (&y)[2]) {
  y[0] = hn::Add(s[0], s[1]);
  y[1] = hn::Sub(s[1], s[2]);
}

HWY_INLINE void join_line(const VF (&s)[4], VF (&y)[2]) {
  y[0] = hn::Add(hn::Add(s[0], s[1]), s[2]);
  y[1] = hn::Sub(hn::Sub(s[1], s[2]), s[3]);
}

HWY_INLINE void join_line(const VF (&s)[6], VF (&y)[4]) {
  const DF t;
  const VF even_a = hn::Add(s[1], s[2]), odd_a = hn::Sub(s[1], s[2]);
  const VF even_b = hn::Add(s[3], s[4]), odd_b = hn::Sub(s[3], s[4]);
  y[0] = hn::Add(hn::Add(s[0], even_a), even_b);
  y[1] = hn::MulAdd(hn::Set(t, kA), odd_a, hn::Mul(hn::Set(t, kB), odd_b));
  y[2] = hn::MulAdd(hn::Set(t, kA2), even_a, hn::Mul(hn::Set(t, kB2), even_b));
  y[3] = hn::MulAdd(hn::Set(t, kA * kA2), odd_a, hn::MulAdd(hn::Set(t, kB * kB2), odd_b, s[5]));
}

/// One vector of channels of one tile, read from and written to whole vectors. A bigger patch does
/// not fit into the registers: the passes meet in a buffer.
template <int kPatch>
HWY_INLINE void transform_channels(const uint16_t* const* pixels, int64_t table_rows, int64_t c,
                                   uint16_t* dst, int64_t position_stride) {
  const DF d;
  HWY_ALIGN float between[kPatch][kPatch][kLanes];
#pragma GCC unroll 6
  for (int x = 0; x < kPatch; ++x) {
    VF line[kPatch];
#pragma GCC unroll 6
    for (int y = 0; y < kPatch; ++y) {
      line[y] = load_pixel(pixels[(y * kPatch + x) * table_rows] + c);
    }
    transform_line(line);
#pragma GCC unroll 6
    for (int y = 0; y < kPatch; ++y) hn::Store(line[y], d, between[y][x]);
  }
#pragma GCC unroll 6
  for (int y = 0; y < kPatch; ++y) {
    VF line[kPatch];
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x) line[x] = hn::Load(d, between[y][x]);
    transform_line(line);
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x) {
      store_transformed(line[x], dst + (y * kPatch + x) * position_stride);
    }
  }
}

/// The channels that do not fill a vector, through buffers.
template <int kPatch>
HWY_NOINLINE void transform_last_channels(const uint16_t* const* pixels, int64_t table_rows,
                                          int64_t c, int64_t count, uint16_t* dst,
                                          int64_t position_stride) {
  constexpr int kPositions = winograd_positions(kPatch);
  uint16_t in[kPositions][kLanes] = {};
  uint16_t out[kPositions][kLanes];
  const uint16_t* rows[kPositions];
  for (int p = 0; p < kPositions; ++p) {
    std::memcpy(in[p], pixels[p * table_rows] + c, static_cast<size_t>(count) * sizeof(uint16_t));
    rows[p] = in[p];
  }
  transform_channels<kPatch>(rows, 1, 0, out[0], kLanes);
  for (int p = 0; p < kPositions; ++p) {
    std::memcpy(dst + p * position_stride, out[p], static_cast<size_t>(count) * sizeof(uint16_t));
  }
}

template <int kPatch>
HWY_INLINE void transform_tiles(const WinogradInput& in) {
  for (int64_t t = 0; t < in.tiles; ++t) {
    uint16_t* dst = in.dst + t * in.tile_stride;
    int64_t c = 0;
    for (; c + kLanes <= in.channels; c += kLanes) {
      transform_channels<kPatch>(in.pixels + t, in.table_rows, c, dst + c, in.position_stride);
    }
    if (c < in.channels) {
      transform_last_channels<kPatch>(in.pixels + t, in.table_rows, c, in.channels - c, dst + c,
                                      in.position_stride);
    }
  }
}

template <int kPatch>
HWY_INLINE void join_columns(const WinogradOutput& out, int64_t tile, int column) {
  constexpr int kOutputs = winograd_outputs(kPatch);
  const DF d;
  const float* sums = out.sums + tile * kPanelColumns + column;
  HWY_ALIGN float between[kOutputs][kPatch][kLanes];
#pragma GCC unroll 6
  for (int x = 0; x < kPatch; ++x) {
    VF line[kPatch], joined[kOutputs];
#pragma GCC unroll 6
    for (int y = 0; y < kPatch; ++y) {
      line[y] = hn::Load(d, sums + (y * kPatch + x) * out.position_stride);
    }
    join_line(line, joined);
#pragma GCC unroll 4
    for (int y = 0; y < kOutputs; ++y) hn::Store(joined[y], d, between[y][x]);
  }
#pragma GCC unroll 4
  for (int y = 0; y < kOutputs; ++y) {
    VF line[kPatch], joined[kOutputs];
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x) line[x] = hn::Load(d, between[y][x]);
    join_line(line, joined);
    float* dst = out.lines[y] + kOutputs * tile * kPanelColumns + column;
#pragma GCC unroll 4
    for (int x = 0; x < kOutputs; ++x) hn::Store(joined[x], d, dst + x * kPanelColumns);
  }
}

template <int kPatch>
HWY_INLINE void join_tiles(const WinogradOutput& out) {
  for (int64_t t = 0; t < out.tiles; ++t) {
    for (int c = 0; c < kPanelColumns; c += kLanes) join_columns<kPatch>(out, t, c);
  }
}

void input3(const WinogradInput& in) noexcept { transform_tiles<3>(in); }
void input4(const WinogradInput& in) noexcept { transform_tiles<4>(in); }
void input6(const WinogradInput& in) noexcept { transform_tiles<6>(in); }
void output3(const WinogradOutput& out) noexcept { join_tiles<3>(out); }
void output4(const WinogradOutput& out) noexcept { join_tiles<4>(out); }
void output6(const WinogradOutput& out) noexcept { join_tiles<6>(out); }

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<WinogradInputFunction> winograd_input_variants(int patch) {
  if (patch == 3) return EF_HIGHWAY_VARIANTS(WinogradInputFunction, input3);
  if (patch == 4) return EF_HIGHWAY_VARIANTS(WinogradInputFunction, input4);
  return EF_HIGHWAY_VARIANTS(WinogradInputFunction, input6);
}
HighwayVariants<WinogradOutputFunction> winograd_output_variants(int patch) {
  if (patch == 3) return EF_HIGHWAY_VARIANTS(WinogradOutputFunction, output3);
  if (patch == 4) return EF_HIGHWAY_VARIANTS(WinogradOutputFunction, output4);
  return EF_HIGHWAY_VARIANTS(WinogradOutputFunction, output6);
}

}  // namespace edgefusion::kernels
#endif
