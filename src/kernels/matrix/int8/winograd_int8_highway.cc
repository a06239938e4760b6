#include <cstring>

#include "kernels/matrix/int8/winograd_int8_transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix/int8/winograd_int8_highway.cc"
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

/// The bytes of a vector widened to 16 bits: of every 128 bits the low and the high 8. Constructors
/// are written out, as GCC would compile implicit ones for any Arm CPU.
template <class V>
struct Halves {
  V low, high;

  HWY_INLINE Halves() {}
  HWY_INLINE Halves(V low_half, V high_half) : low(low_half), high(high_half) {}
};

HWY_INLINE VF add(VF a, VF b) { return hn::Add(a, b); }
HWY_INLINE VF subtract(VF a, VF b) { return hn::Sub(a, b); }

template <class V>
HWY_INLINE Halves<V> add(const Halves<V>& a, const Halves<V>& b) {
  return {hn::Add(a.low, b.low), hn::Add(a.high, b.high)};
}

template <class V>
HWY_INLINE Halves<V> subtract(const Halves<V>& a, const Halves<V>& b) {
  return {hn::Sub(a.low, b.low), hn::Sub(a.high, b.high)};
}

// One of the two passes of B^T d B.

template <class T>
HWY_INLINE void transform_line(T (&d)[3]) {
  d[0] = subtract(d[0], d[1]);
  d[2] = subtract(d[1], d[2]);
  d[1] = add(d[1], d[1]);
}

template <class T>
HWY_INLINE void transform_line(T (&d)[4]) {
  const T first = subtract(d[0], d[2]), last = subtract(d[1], d[3]);
  const T sum = add(d[1], d[2]), difference = subtract(d[2], d[1]);
  d[0] = first;
  d[1] = sum;
  d[2] = difference;
  d[3] = last;
}

/// Channels of one tile: `Channels` knows how many they are, and how they are read, quantised and
/// written.
template <int kPatch, class Channels>
HWY_INLINE void transform_patch(const Channels& channels) {
  using T = typename Channels::T;
  T columns[kPatch][kPatch];
#pragma GCC unroll 4
  for (int x = 0; x < kPatch; ++x) {
#pragma GCC unroll 4
    for (int y = 0; y < kPatch; ++y) columns[x][y] = channels.load(y * kPatch + x);
    transform_line(columns[x]);
  }
#pragma GCC unroll 4
  for (int y = 0; y < kPatch; ++y) {
    T line[kPatch];
#pragma GCC unroll 4
    for (int x = 0; x < kPatch; ++x) line[x] = columns[x][y];
    transform_line(line);
#pragma GCC unroll 4
    for (int x = 0; x < kPatch; ++x) channels.store(y * kPatch + x, line[x]);
  }
}

// Both of saturated 16 bits as the bytes of one vector, in the order of Halves.

template <class V, class D8 = hn::Repartition<int8_t, hn::DFromV<V>>>
HWY_INLINE hn::Vec<D8> narrow(const Halves<V>& x) {
  const hn::Half<D8> half;
  return hn::Combine(D8(), hn::DemoteTo(half, x.high), hn::DemoteTo(half, x.low));
}

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
HWY_INLINE hn::Vec256<int8_t> narrow(const Halves<hn::Vec256<int16_t>>& x) {
  return hn::Vec256<int8_t>{_mm256_packs_epi16(x.low.raw, x.high.raw)};
}
#endif
#if HWY_TARGET == HWY_AVX3
HWY_INLINE hn::Vec512<int8_t> narrow(const Halves<hn::Vec512<int16_t>>& x) {
  return hn::Vec512<int8_t>{_mm512_packs_epi16(x.low.raw, x.high.raw)};
}
#endif

/// A vector of u8 pixels, in integers of 16 bits.
template <class D8>
struct BytesOfTile {
  using D16 = hn::Repartition<int16_t, D8>;
  using T = Halves<hn::Vec<D16>>;

  const uint8_t* const* pixels;
  int64_t table_rows;
  int64_t channel;
  const int16_t* multipliers;  // [position][vector]
  int four_zero_points;        ///< what the sum of four pixels holds too much
  int sum_position;            ///< the only one where the zero point does not cancel out
  uint8_t* dst;
  int64_t position_stride;

  HWY_INLINE T load(int p) const {
    const D8 d;
    const auto bytes = hn::LoadU(d, pixels[p * table_rows] + channel);
    return {hn::BitCast(D16(), hn::InterleaveLower(d, bytes, hn::Zero(d))),
            hn::BitCast(D16(), hn::InterleaveUpper(d, bytes, hn::Zero(d)))};
  }

  HWY_INLINE void store(int p, T x) const {
    const D16 d;
    const hn::Repartition<int8_t, D16> ds8;
    if (p == sum_position) {
      const auto zero = hn::Set(d, static_cast<int16_t>(four_zero_points));
      x = {hn::Sub(x.low, zero), hn::Sub(x.high, zero)};
    }
    const auto multiplier = hn::LoadU(d, multipliers + p * static_cast<int>(hn::MaxLanes(d)));
    const auto q = hn::Max(
        narrow(T{hn::MulFixedPoint15(x.low, multiplier), hn::MulFixedPoint15(x.high, multiplier)}),
        hn::Set(ds8, int8_t{-127}));
    hn::StoreU(hn::Xor(hn::BitCast(D8(), q), hn::Set(D8(), uint8_t{128})), D8(),
               dst + p * position_stride + channel);
  }
};

/// A vector of bf16 pixels, in f32.
struct FloatsOfTile {
  using T = VF;

  const uint16_t* const* pixels;
  int64_t table_rows;
  int64_t channel;
  const float* inverse_scale;
  const float* position_inverse_scale;
  uint8_t* dst;
  int64_t position_stride;

  HWY_INLINE T load(int p) const {
    return load_f32(DF(), reinterpret_cast<const Bf16*>(pixels[p * table_rows] + channel));
  }

  HWY_INLINE void store(int p, T v) const {
    const DF d;
    const hn::RebindToUnsigned<DF> du32;
    const hn::Rebind<uint8_t, DF> du8;
    VF x = hn::Mul(hn::Mul(v, hn::LoadU(d, inverse_scale + channel)),
                   hn::Set(d, position_inverse_scale[p]));
    x = hn::IfThenZeroElse(hn::IsNaN(x), x);
    x = hn::Min(hn::Max(x, hn::Set(d, -127.0f)), hn::Set(d, 127.0f));
    // 1.5 * 2^23: the sum is rounded to an integer, ties to even, which ends its bits.
    const auto bits = hn::BitCast(du32, hn::Add(x, hn::Set(d, 0x1.8p23f)));
    const auto q = hn::TruncateTo(du8, hn::Add(bits, hn::Set(du32, 128u)));
    hn::StoreU(q, du8, dst + p * position_stride + channel);
  }
};

/// Pixels and values of the last channels of a tile, fewer than `kCount`, in buffers of so many.
template <int kPatch, class Value, int kCount>
struct LastChannels {
  static constexpr int kPositions = kPatch * kPatch;
  Value in[kPositions][kCount] = {};
  uint8_t out[kPositions][kCount];
  const Value* pixels[kPositions];

  void read(const Value* const* from, int64_t table_rows, int64_t channel, int64_t count) {
    for (int p = 0; p < kPositions; ++p) {
      std::memcpy(in[p], from[p * table_rows] + channel,
                  static_cast<size_t>(count) * sizeof(Value));
      pixels[p] = in[p];
    }
  }

  void write(uint8_t* dst, int64_t position_stride, int64_t count) const {
    for (int p = 0; p < kPositions; ++p) {
      std::memcpy(dst + p * position_stride, out[p], static_cast<size_t>(count));
    }
  }
};

/// Multipliers as vectors, [position][vector].
template <int kPatch, class D16>
struct Multipliers {
  static constexpr int kVector = static_cast<int>(hn::MaxLanes(D16()));
  HWY_ALIGN int16_t values[kPatch * kPatch * kVector];

  HWY_INLINE explicit Multipliers(const WinogradInt8Scales& scales) {
    for (int p = 0; p < kPatch * kPatch; ++p) {
      hn::Store(hn::Set(D16(), scales.multiplier[p]), D16(), values + p * kVector);
    }
  }
};

using DBytes = hn::ScalableTag<uint8_t>;
using DFewBytes = hn::CappedTag<uint8_t, 16>;
inline constexpr int kBytes = static_cast<int>(hn::MaxLanes(DBytes()));
inline constexpr int kFewBytes = static_cast<int>(hn::MaxLanes(DFewBytes()));

template <int kPatch>
HWY_INLINE void transform_bytes(const WinogradInt8Input<uint8_t>& in) {
  using Last = LastChannels<kPatch, uint8_t, kFewBytes>;
  const Multipliers<kPatch, hn::Repartition<int16_t, DBytes>> many(*in.scales);
  const Multipliers<kPatch, hn::Repartition<int16_t, DFewBytes>> few(*in.scales);
  for (int64_t t = 0; t < in.tiles; ++t) {
    BytesOfTile<DBytes> tile = {.pixels = in.pixels + t,
                                .table_rows = in.table_rows,
                                .channel = 0,
                                .multipliers = many.values,
                                .four_zero_points = 4 * in.zero_point,
                                .sum_position = kPatch + 1,
                                .dst = in.dst + t * in.tile_stride,
                                .position_stride = in.position_stride};
    for (; tile.channel + kBytes <= in.channels; tile.channel += kBytes) {
      transform_patch<kPatch>(tile);
    }
    BytesOfTile<DFewBytes> rest = {tile.pixels, tile.table_rows,       tile.channel,
                                   few.values,  tile.four_zero_points, tile.sum_position,
                                   tile.dst,    tile.position_stride};
    for (; rest.channel + kFewBytes <= in.channels; rest.channel += kFewBytes) {
      transform_patch<kPatch>(rest);
    }
    if (rest.channel == in.channels) continue;
    Last last;
    last.read(tile.pixels, in.table_rows, rest.channel, in.channels - rest.channel);
    const int64_t first = rest.channel;
    rest = {last.pixels,       1,           0,        few.values, tile.four_zero_points,
            tile.sum_position, last.out[0], kFewBytes};
    transform_patch<kPatch>(rest);
    last.write(tile.dst + first, in.position_stride, in.channels - first);
  }
}

template <int kPatch>
HWY_INLINE void transform_floats(const WinogradInt8Input<uint16_t>& in) {
  for (int64_t t = 0; t < in.tiles; ++t) {
    FloatsOfTile tile = {.pixels = in.pixels + t,
                         .table_rows = in.table_rows,
                         .channel = 0,
                         .inverse_scale = in.inverse_scale,
                         .position_inverse_scale = in.scales->inverse_scale,
                         .dst = in.dst + t * in.tile_stride,
                         .position_stride = in.position_stride};
    for (; tile.channel + kLanes <= in.channels; tile.channel += kLanes) {
      transform_patch<kPatch>(tile);
    }
    if (tile.channel == in.channels) continue;
    const int64_t count = in.channels - tile.channel;
    LastChannels<kPatch, uint16_t, kLanes> last;
    last.read(tile.pixels, in.table_rows, tile.channel, count);
    float inverse_scale[kLanes] = {};
    std::memcpy(inverse_scale, in.inverse_scale + tile.channel,
                static_cast<size_t>(count) * sizeof(float));
    uint8_t* dst = tile.dst + tile.channel;
    transform_patch<kPatch>(FloatsOfTile{last.pixels, 1, 0, inverse_scale, in.scales->inverse_scale,
                                         last.out[0], kLanes});
    last.write(dst, in.position_stride, count);
  }
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

template <int kPatch>
HWY_INLINE void join_columns(const WinogradInt8Output& out, const int32_t* sums, int column,
                             float* upper, float* lower) {
  const DF d;
  const hn::RebindToSigned<DF> di;
  VF between[2][kPatch];
#pragma GCC unroll 4
  for (int x = 0; x < kPatch; ++x) {
    VF line[kPatch], joined[2];
#pragma GCC unroll 4
    for (int y = 0; y < kPatch; ++y) {
      const int p = y * kPatch + x, constant = p * kPanelColumns + column;
      const auto sum = hn::Add(hn::Load(di, sums + p * out.position_stride + column),
                               hn::Load(di, out.offsets + constant));
      line[y] = hn::Mul(hn::ConvertTo(d, sum), hn::Load(d, out.scales + constant));
    }
    join_line(line, joined);
    between[0][x] = joined[0];
    between[1][x] = joined[1];
  }
  VF joined[2];
  join_line(between[0], joined);
  hn::Store(joined[0], d, upper + column);
  hn::Store(joined[1], d, upper + kPanelColumns + column);
  join_line(between[1], joined);
  hn::Store(joined[0], d, lower + column);
  hn::Store(joined[1], d, lower + kPanelColumns + column);
}

template <int kPatch>
HWY_INLINE void join_tiles(const WinogradInt8Output& arguments) {
  const WinogradInt8Output out = arguments;  // which no store can change
  const int32_t* sums = out.sums;
  float *upper = out.lines[0], *lower = out.lines[1];
  for (int64_t t = 0; t < out.tiles; ++t) {
    for (int c = 0; c < kPanelColumns; c += kLanes) {
      join_columns<kPatch>(out, sums, c, upper, lower);
    }
    sums += kPanelColumns;
    upper += 2 * kPanelColumns;
    lower += 2 * kPanelColumns;
  }
}

template <int kPatch>
void input_u8(const WinogradInt8Input<uint8_t>& in) noexcept {
  transform_bytes<kPatch>(in);
}
template <int kPatch>
void input_bf16(const WinogradInt8Input<uint16_t>& in) noexcept {
  transform_floats<kPatch>(in);
}
template <int kPatch>
void output(const WinogradInt8Output& out) noexcept {
  join_tiles<kPatch>(out);
}

WinogradInt8Transforms make_transforms(int patch) {
  if (patch == 3) return {input_u8<3>, input_bf16<3>, output<3>};
  return {input_u8<4>, input_bf16<4>, output<4>};
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<MakeWinogradInt8Transforms> winograd_int8_transform_variants() {
  return EF_HIGHWAY_VARIANTS(MakeWinogradInt8Transforms, make_transforms);
}

}  // namespace edgefusion::kernels
#endif
