// Products of Hadamard matrices and numbers in memory. Include it as exp-inl.h.

#if defined(EF_KERNELS_HADAMARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_HADAMARD_INL_H_
#undef EF_KERNELS_HADAMARD_INL_H_
#else
#define EF_KERNELS_HADAMARD_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/quantize/quantize_rows.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK

/// Lane i gets lane i ^ kHalf; kHalf < Lanes(d).
template <int kHalf, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V partner_lanes(D d, V v) {
  namespace hn = hwy::HWY_NAMESPACE;
  if constexpr (kHalf == 1) {
    return hn::Reverse2(d, v);
  } else if constexpr (kHalf == 2) {
    return hn::Shuffle1032(v);
  } else if constexpr (2 * kHalf == hn::MaxLanes(D())) {
    return hn::ConcatLowerUpper(d, v, v);
  } else {
    return hn::SwapAdjacentBlocks(v);
  }
}

/// One stage of butterflies inside of vectors: (a, b) -> (a + b, a - b) for lanes kHalf apart.
template <int kHalf, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V butterfly_lanes(D d, V v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const auto is_second = hn::TestBit(hn::Iota(du, 0), hn::Set(du, static_cast<uint32_t>(kHalf)));
  const V signs = hn::IfThenElseZero(hn::RebindMask(d, is_second), hn::SignBit(d));
  return hn::Add(partner_lanes<kHalf>(d, v), hn::Xor(v, signs));
}

/// The stages that stay inside of vectors.
template <class D>
HWY_INLINE void narrow_stages(D d, float* t, size_t count, int block) {
  namespace hn = hwy::HWY_NAMESPACE;
  using V = hn::Vec<D>;
  constexpr int kLanes = hn::MaxLanes(D());
  for (size_t i = 0; i < count; i += kLanes) {
    V v = hn::Load(d, t + i);
    v = butterfly_lanes<1>(d, v);
    if (block > 2) v = butterfly_lanes<2>(d, v);
    if constexpr (kLanes > 4) {
      if (block > 4) v = butterfly_lanes<4>(d, v);
    }
    if constexpr (kLanes > 8) {
      if (block > 8) v = butterfly_lanes<8>(d, v);
    }
    hn::Store(v, d, t + i);
  }
}

/// The stage of numbers `half` apart, a multiple of a vector.
template <class D>
HWY_INLINE void wide_stage(D d, float* t, size_t count, size_t half) {
  namespace hn = hwy::HWY_NAMESPACE;
  for (size_t i = 0; i < count; i += 2 * half) {
    for (size_t j = i; j < i + half; j += hn::Lanes(d)) {
      const auto a = hn::Load(d, t + j);
      const auto b = hn::Load(d, t + j + half);
      hn::Store(hn::Add(a, b), d, t + j);
      hn::Store(hn::Sub(a, b), d, t + j + half);
    }
  }
}

/// That stage and the next one.
template <class D>
HWY_INLINE void two_wide_stages(D d, float* t, size_t count, size_t half) {
  namespace hn = hwy::HWY_NAMESPACE;
  for (size_t i = 0; i < count; i += 4 * half) {
    for (size_t j = i; j < i + half; j += hn::Lanes(d)) {
      const auto a = hn::Load(d, t + j);
      const auto b = hn::Load(d, t + j + half);
      const auto e = hn::Load(d, t + j + 2 * half);
      const auto f = hn::Load(d, t + j + 3 * half);
      const auto sum = hn::Add(a, b);
      const auto difference = hn::Sub(a, b);
      const auto next_sum = hn::Add(e, f);
      const auto next_difference = hn::Sub(e, f);
      hn::Store(hn::Add(sum, next_sum), d, t + j);
      hn::Store(hn::Add(difference, next_difference), d, t + j + half);
      hn::Store(hn::Sub(sum, next_sum), d, t + j + 2 * half);
      hn::Store(hn::Sub(difference, next_difference), d, t + j + 3 * half);
    }
  }
}

/// Each block of `block` numbers, a power of two from 2 on, times Sylvester's matrix of that size:
/// the orthonormal one but for hadamard_factor. `t` is aligned and filled up to whole vectors;
/// `count` is a multiple of `block`. The order of additions is that of the readable version, from
/// neighbours outwards.
template <class D>
HWY_INLINE void butterflies(D d, float* t, size_t count, int block) {
  narrow_stages(d, t, count, block);
  const size_t size = static_cast<size_t>(block);
  size_t half = hwy::HWY_NAMESPACE::Lanes(d);
  for (; 2 * half < size; half *= 4) two_wide_stages(d, t, count, half);
  if (half < size) wide_stage(d, t, count, half);
}

#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
