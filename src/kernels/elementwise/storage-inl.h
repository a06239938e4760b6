// Vectors of f32 from and to activations stored as f32 or bf16. Include it as exp-inl.h.

#if defined(EF_KERNELS_STORAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_STORAGE_INL_H_
#undef EF_KERNELS_STORAGE_INL_H_
#else
#define EF_KERNELS_STORAGE_INL_H_
#endif

#include <type_traits>

#include "hwy/highway.h"
#include "kernels/elementwise/storage.h"
#include "kernels/elementwise/vector_tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V load_f32(D d, const float* src) {
  return hwy::HWY_NAMESPACE::LoadU(d, src);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V load_f32(D d, const Bf16* src) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> d16;
  const auto bits = hn::LoadU(d16, &src->bits);
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, bits)));
}

/// The first `count` elements, then zeros; count < Lanes(d).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V load_f32_some(D d, const float* src, size_t count) {
  return load_some(d, src, count);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V load_f32_some(D d, const Bf16* src, size_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> d16;
  const auto bits = load_some(d16, &src->bits, count);
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, bits)));
}

/// The nearest bf16, ties to even, in the upper half of each lane. Integer arithmetic: the
/// instruction for it, where there is one, flushes subnormals.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto rounded_to_bf16(D, V v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFu)), odd);
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), quiet, rounded);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto narrowed_to_bf16(D d, V v) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::TruncateTo(hn::Rebind<uint16_t, D>(), hn::ShiftRight<16>(rounded_to_bf16(d, v)));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_rounded(V v, D d, float* dst) {
  hwy::HWY_NAMESPACE::StoreU(v, d, dst);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_rounded(V v, D d, Bf16* dst) {
  namespace hn = hwy::HWY_NAMESPACE;
  hn::StoreU(narrowed_to_bf16(d, v), hn::Rebind<uint16_t, D>(), &dst->bits);
}

/// Writes the first `count` elements; count < Lanes(d).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_rounded_some(V v, D d, float* dst, size_t count) {
  store_some(v, d, dst, count);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_rounded_some(V v, D d, Bf16* dst, size_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  store_some(narrowed_to_bf16(d, v), hn::Rebind<uint16_t, D>(), &dst->bits, count);
}

// ---- Pairs, for loops that read and write the same type ----

/// What one step of such a loop holds: 2 * Lanes(d) elements. Of floats, two vectors one after the
/// other; of bf16, those at even and those at odd places, for then neither widening nor narrowing
/// moves anything across lanes.
template <class V>
struct Pair {
  V a;
  V b;
};

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE Pair<V> load_pair(D d, const float* src) {
  namespace hn = hwy::HWY_NAMESPACE;
  return {hn::LoadU(d, src), hn::LoadU(d, src + hn::Lanes(d))};
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE Pair<V> load_pair(D d, const Bf16* src) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, hn::LoadU(hn::Repartition<uint16_t, D>(), &src->bits));
  return {hn::BitCast(d, hn::ShiftLeft<16>(bits)),
          hn::BitCast(d, hn::And(bits, hn::Set(du, 0xFFFF0000u)))};
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_pair(Pair<V> v, D d, float* dst) {
  namespace hn = hwy::HWY_NAMESPACE;
  hn::StoreU(v.a, d, dst);
  hn::StoreU(v.b, d, dst + hn::Lanes(d));
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_pair(Pair<V> v, D d, Bf16* dst) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Repartition<uint16_t, D> d16;
  const auto even = hn::BitCast(d16, hn::ShiftRight<16>(rounded_to_bf16(d, v.a)));
  const auto odd = hn::BitCast(d16, rounded_to_bf16(d, v.b));
  hn::StoreU(hn::OddEven(odd, even), d16, &dst->bits);
}

/// f32 values, one for each element of a pair of Ts.
template <class T, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE Pair<V> load_pair_for(D d, const float* src) {
  if constexpr (std::is_same_v<T, float>) {
    return load_pair(d, src);
  } else {
    V even;
    V odd;
    hwy::HWY_NAMESPACE::LoadInterleaved2(d, src, even, odd);
    return {even, odd};
  }
}

/// f32 values of a pair of Ts in the order of memory.
template <class T, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_pair_in_order(Pair<V> v, D d, float* dst) {
  if constexpr (std::is_same_v<T, float>) {
    store_pair(v, d, dst);
  } else {
    hwy::HWY_NAMESPACE::StoreInterleaved2(v.a, v.b, d, dst);
  }
}

// ---- Steps of a loop over elements ----

/// A step in which all elements of a pair are there.
struct WholePair {
  template <class D, class T>
  HWY_INLINE auto load(D d, const T* src) const {
    return load_pair(d, src);
  }
  template <class T, class D>
  HWY_INLINE auto load_for(D d, const float* src) const {
    return load_pair_for<T>(d, src);
  }
  template <class D, class T, class V = hwy::HWY_NAMESPACE::Vec<D>>
  HWY_INLINE void store(Pair<V> v, D d, T* dst) const {
    store_pair(v, d, dst);
  }
  template <class T, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
  HWY_INLINE Pair<V> zero_others(D, Pair<V> v) const {
    return v;
  }
};

constexpr size_t kPairElements = size_t{2} * HWY_MAX_BYTES / sizeof(float);  // at most

/// The last step, of the first `count` elements of a pair; count < 2 * Lanes(d). No memory beyond
/// them is touched; the others are loaded as zeros.
struct PartOfPair {
  size_t count;

  template <class D, class T>
  HWY_INLINE auto load(D d, const T* src) const {
    HWY_ALIGN T elements[kPairElements] = {};
    std::memcpy(elements, src, count * sizeof(T));
    return load_pair(d, elements);
  }
  template <class T, class D>
  HWY_INLINE auto load_for(D d, const float* src) const {
    HWY_ALIGN float values[kPairElements] = {};
    std::memcpy(values, src, count * sizeof(float));
    return load_pair_for<T>(d, values);
  }
  template <class D, class T, class V = hwy::HWY_NAMESPACE::Vec<D>>
  HWY_INLINE void store(Pair<V> v, D d, T* dst) const {
    HWY_ALIGN T elements[kPairElements];
    store_pair(v, d, elements);
    std::memcpy(dst, elements, count * sizeof(T));
  }
  /// `v`, zero where a pair of Ts has elements that are not there.
  template <class T, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
  HWY_INLINE Pair<V> zero_others(D d, Pair<V> v) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const size_t in_order = HWY_MIN(count, hn::Lanes(d));
    const size_t first = std::is_same_v<T, float> ? in_order : (count + 1) / 2;
    return {hn::IfThenElseZero(hn::FirstN(d, first), v.a),
            hn::IfThenElseZero(hn::FirstN(d, count - first), v.b)};
  }
};

/// f(i, step) for the steps that make up `count` elements, i being the first one's index.
template <class D, class F>
HWY_INLINE void for_steps(D d, size_t count, F f) {
  const size_t whole = 2 * hwy::HWY_NAMESPACE::Lanes(d);
  size_t i = 0;
  for (; i + whole <= count; i += whole) f(i, WholePair());
  const size_t rest = count - i;
  HWY_ASSUME(rest <= kPairElements);  // g++ 12 warns of copies beyond it otherwise
  if (rest != 0) f(i, PartOfPair{rest});
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
