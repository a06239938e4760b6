// Transposes between rows in memory and tiles with rows along the lanes. Include it after
// hwy/highway.h, inside the file that foreach_target compiles once per instruction set.

#if defined(EF_KERNELS_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_TRANSPOSE_INL_H_
#undef EF_KERNELS_TRANSPOSE_INL_H_
#else
#define EF_KERNELS_TRANSPOSE_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR  // which has no blocks of four lanes

/// Rows of floats or of bf16, `stride` elements apart.
template <class T>
struct Rows {
  T* data;
  size_t stride;
};

/// Elements in memory as f32, whatever their type; stores round to nearest even.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V load_elements(D d, const float* from) {
  return hwy::HWY_NAMESPACE::LoadU(d, from);
}
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V load_elements(D d, const uint16_t* from) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> dh;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(dh, from))));
}
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_elements(D d, V v, float* to) {
  hwy::HWY_NAMESPACE::StoreU(v, d, to);
}
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_elements(D, V v, uint16_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> dh;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff)));
  // Rounding could carry a NaN into infinity or beyond: NaN stays as it is, made quiet.
  const auto quiet = hn::Or(bits, hn::Set(du, 0x00400000));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  const auto high = hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded));
  hn::StoreU(hn::TruncateTo(dh, high), dh, to);
}
inline float load_element(const float* from) { return *from; }
inline float load_element(const uint16_t* from) {
  const uint32_t bits = static_cast<uint32_t>(*from) << 16;
  float value;
  hwy::CopyBytes<4>(&bits, &value);
  return value;
}
inline void store_element(float value, float* to) { *to = value; }
inline void store_element(float value, uint16_t* to) {
  const hwy::HWY_NAMESPACE::CappedTag<float, 1> d;
  store_elements(d, hwy::HWY_NAMESPACE::Set(d, value), to);
}

/// Transposes the 4x4 blocks that v[0..3] hold side by side, 128 bits each.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void transpose_blocks(D d, V* v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RepartitionToWide<D> dw;
  const auto wide = [&](V x) HWY_ATTR { return hn::BitCast(dw, x); };
  const V low01 = hn::InterleaveLower(d, v[0], v[1]);  // a0 b0 a1 b1
  const V high01 = hn::InterleaveUpper(d, v[0], v[1]);
  const V low23 = hn::InterleaveLower(d, v[2], v[3]);
  const V high23 = hn::InterleaveUpper(d, v[2], v[3]);
  v[0] = hn::BitCast(d, hn::InterleaveLower(dw, wide(low01), wide(low23)));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(dw, wide(low01), wide(low23)));
  v[2] = hn::BitCast(d, hn::InterleaveLower(dw, wide(high01), wide(high23)));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(dw, wide(high01), wide(high23)));
}

/// tile[c * kTile + r] = src[r, c] * scale for r < rows, 0 for rows <= r < kTile; `tile` aligned.
template <size_t kTile, class T>
HWY_NOINLINE void load_transposed(Rows<const T> src, size_t rows, size_t columns, float scale,
                                  float* HWY_RESTRICT tile) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<float>());
  const auto factor = hn::Set(d, scale);
  const size_t whole = rows / kLanes * kLanes;
  const size_t quads = columns / 4 * 4;
  HWY_ALIGN float corner[4 * kLanes];
  for (size_t r0 = 0; r0 < whole; r0 += kLanes) {
    for (size_t c = 0; c < quads; c += 4) {
      // Lane block b of vector i takes row r0 + 4 b + i.
      for (size_t r = 0; r < kLanes; ++r) {
        const auto quad = load_elements(d4, src.data + (r0 + r) * src.stride + c);
        hn::Store(quad, d4, corner + (r % 4) * kLanes + (r / 4) * 4);
      }
      hn::Vec<hn::ScalableTag<float>> v[4];
      for (size_t i = 0; i < 4; ++i) v[i] = hn::Load(d, corner + i * kLanes);
      transpose_blocks(d, v);
      for (size_t i = 0; i < 4; ++i) {
        hn::Store(hn::Mul(v[i], factor), d, tile + (c + i) * kTile + r0);
      }
    }
  }
  for (size_t c = 0; c < columns; ++c) {
    const size_t done = c < quads ? whole : 0;
    for (size_t r = done; r < rows; ++r) {
      tile[c * kTile + r] = load_element(src.data + r * src.stride + c) * scale;
    }
    for (size_t r = rows; r < kTile; ++r) tile[c * kTile + r] = 0.0f;
  }
}

/// dst[r, c] = tile[c * kTile + r] * factors[r] for r < rows; `tile`, `factors` aligned.
template <size_t kTile, class T>
HWY_NOINLINE void store_transposed(const float* HWY_RESTRICT tile,
                                   const float* HWY_RESTRICT factors, size_t rows, size_t columns,
                                   Rows<T> dst) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<float>());
  const size_t whole = rows / kLanes * kLanes;
  const size_t quads = columns / 4 * 4;
  HWY_ALIGN float corner[4 * kLanes];
  for (size_t r0 = 0; r0 < whole; r0 += kLanes) {
    const auto factor = hn::Load(d, factors + r0);
    for (size_t c = 0; c < quads; c += 4) {
      hn::Vec<hn::ScalableTag<float>> v[4];
      for (size_t i = 0; i < 4; ++i) {
        v[i] = hn::Mul(hn::Load(d, tile + (c + i) * kTile + r0), factor);
      }
      transpose_blocks(d, v);
      for (size_t i = 0; i < 4; ++i) hn::Store(v[i], d, corner + i * kLanes);
      for (size_t r = 0; r < kLanes; ++r) {
        const auto quad = hn::Load(d4, corner + (r % 4) * kLanes + (r / 4) * 4);
        store_elements(d4, quad, dst.data + (r0 + r) * dst.stride + c);
      }
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = r < whole ? quads : 0; c < columns; ++c) {
      store_element(tile[c * kTile + r] * factors[r], dst.data + r * dst.stride + c);
    }
  }
}

#endif  // HWY_TARGET != HWY_SCALAR
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
