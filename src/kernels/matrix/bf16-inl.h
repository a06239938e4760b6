// Activations in bf16 for Highway loops: load as f32, store rounded to nearest even. Include it as
// exp-inl.h.

#if defined(EF_KERNELS_MATRIX_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_MATRIX_BF16_INL_H_
#undef EF_KERNELS_MATRIX_BF16_INL_H_
#else
#define EF_KERNELS_MATRIX_BF16_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> load_bf16(D d, const uint16_t* from) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, from))));
}

/// Bits of x rounded to bf16, in the low half of each lane; NaN stays NaN.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto rounded_bf16_bits(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> d32;
  const auto bits = hn::BitCast(d32, x);
  const auto high = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(high, hn::Set(d32, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fffu))));
  const auto quiet = hn::Or(high, hn::Set(d32, 0x40u));
  return hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(x)), quiet, rounded);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_bf16(D d, V x, uint16_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToSigned<D> di;
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, rounded_bf16_bits(d, x))), d16, to);
}

/// The same for x that is a sum of values which were bf16: such a NaN has nothing in its low half
/// (nor has one that arithmetic makes), so rounding cannot carry it over into another number.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_bf16_of_bf16(D d, V x, uint16_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(d32, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(d32, 0x7fffu)), odd));
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, rounded)), d16, to);
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
