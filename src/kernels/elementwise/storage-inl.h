// Vectors of f32 from and to activations stored as f32 or bf16. Include it as exp-inl.h.

#if defined(EF_KERNELS_STORAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_STORAGE_INL_H_
#undef EF_KERNELS_STORAGE_INL_H_
#else
#define EF_KERNELS_STORAGE_INL_H_
#endif

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
HWY_INLINE auto rounded_to_bf16(D d, V v) {
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

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
