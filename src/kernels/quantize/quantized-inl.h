// Vectors of f32 from and to activations of 8 bits, in loops whose other side is f32 or bf16.
// Include it as exp-inl.h.

#if defined(EF_KERNELS_QUANTIZED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_QUANTIZED_INL_H_
#undef EF_KERNELS_QUANTIZED_INL_H_
#else
#define EF_KERNELS_QUANTIZED_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/elementwise/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK

/// A u8 in memory, of which pairs are made in the order of pairs of T (float or Bf16; see
/// storage-inl.h). The steps there take it as they take these.
template <class T>
struct PairedU8 {
  uint8_t bits;
};

template <class T>
HWY_INLINE const PairedU8<T>* as_paired(const uint8_t* src) {
  return reinterpret_cast<const PairedU8<T>*>(src);
}

template <class T>
HWY_INLINE PairedU8<T>* as_paired(uint8_t* dst) {
  return reinterpret_cast<PairedU8<T>*>(dst);
}

/// The numbers themselves, 0 to 255: no zero point is taken off.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE Pair<V> load_pair(D d, const PairedU8<float>* src) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint8_t, D> d8;
  const auto first = hn::LoadU(d8, &src->bits);
  const auto second = hn::LoadU(d8, &src->bits + hn::Lanes(d));
  return {hn::ConvertTo(d, hn::PromoteTo(di, first)), hn::ConvertTo(d, hn::PromoteTo(di, second))};
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE Pair<V> load_pair(D d, const PairedU8<Bf16>* src) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<D> di;
  const hn::Repartition<uint16_t, D> d16;
  const auto bytes = hn::LoadU(hn::Rebind<uint8_t, decltype(d16)>(), &src->bits);
  const auto both = hn::BitCast(di, hn::PromoteTo(d16, bytes));
  return {hn::ConvertTo(d, hn::And(both, hn::Set(di, 0xFFFF))),
          hn::ConvertTo(d, hn::ShiftRight<16>(both))};
}

/// Stores the lowest byte of each lane.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_pair(Pair<V> v, D, PairedU8<float>* dst) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Repartition<uint16_t, D> d16;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  const auto both = hn::ConcatEven(d16, hn::BitCast(d16, v.b), hn::BitCast(d16, v.a));
  hn::StoreU(hn::TruncateTo(d8, both), d8, &dst->bits);
}

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE void store_pair(Pair<V> v, D, PairedU8<Bf16>* dst) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const hn::Repartition<uint16_t, D> d16;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  const auto odd = hn::BitCast(d16, hn::ShiftLeft<16>(hn::BitCast(du, v.b)));
  const auto both = hn::OddEven(odd, hn::BitCast(d16, v.a));
  hn::StoreU(hn::TruncateTo(d8, both), d8, &dst->bits);
}

/// Numbers of 8 bits for values: the same as quantized.h gives, in the lowest byte of each lane.
template <class D>
class Quantizer {
  using V = hwy::HWY_NAMESPACE::Vec<D>;

 public:
  /// `least`: of the results, 0 to zero_point.
  HWY_INLINE Quantizer(D d, int zero_point, int least = 0)
      : low_(hwy::HWY_NAMESPACE::Set(d, static_cast<float>(least - zero_point))),
        high_(hwy::HWY_NAMESPACE::Set(d, static_cast<float>(255 - zero_point))),
        zero_point_(hwy::HWY_NAMESPACE::Set(d, static_cast<float>(zero_point))),
        // 1.5 * 2^23: f32 has no bits for fractions there, and the lowest ones hold the integer.
        magic_(hwy::HWY_NAMESPACE::Set(d, 12582912.0f)) {}

  /// t = value * inverse_scale
  HWY_INLINE V operator()(V t) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const V number = hn::IfThenElseZero(hn::Eq(t, t), t);
    // The limits are integers, so that it is the same to clamp before rounding. The zero point is
    // added after it: ties go to even without it.
    const V clamped = hn::Min(hn::Max(number, low_), high_);
    return hn::Add(hn::Add(clamped, magic_), zero_point_);
  }
  HWY_INLINE Pair<V> operator()(Pair<V> value, Pair<V> inverse_scale) const {
    namespace hn = hwy::HWY_NAMESPACE;
    return {(*this)(hn::Mul(value.a, inverse_scale.a)), (*this)(hn::Mul(value.b, inverse_scale.b))};
  }

 private:
  V low_, high_, zero_point_, magic_;
};

#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
