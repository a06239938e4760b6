// Vectors of f32 from and to activations of 8 bits, in loops whose other side is f32 or bf16.
// Include it as exp-inl.h.

#if defined(EF_KERNELS_QUANTIZED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_QUANTIZED_INL_H_
#undef EF_KERNELS_QUANTIZED_INL_H_
#else
#define EF_KERNELS_QUANTIZED_INL_H_
#endif

#include <cstring>
#include <type_traits>

#include "hwy/highway.h"
#include "kernels/elementwise/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK

/// A u8 in memory, of which pairs are made in the order of pairs of T (float or Bf16; see
/// storage-inl.h). The steps there load it as they load these.
template <class T>
struct PairedU8 {
  uint8_t bits;
};

template <class Stored>
struct PairOrderOf {
  using Type = Stored;
  static constexpr bool kIsU8 = false;
};
template <class T>
struct PairOrderOf<PairedU8<T>> {
  using Type = T;
  static constexpr bool kIsU8 = true;
};

/// float or Bf16: in whose order pairs of `Stored` are.
template <class Stored>
using PairOrder = typename PairOrderOf<Stored>::Type;

template <class Stored>
inline constexpr bool kIsU8 = PairOrderOf<Stored>::kIsU8;

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

template <class V>
HWY_INLINE Pair<V> multiplied(Pair<V> x, Pair<V> y) {
  namespace hn = hwy::HWY_NAMESPACE;
  return {hn::Mul(x.a, y.a), hn::Mul(x.b, y.b)};
}

/// The lowest byte of each lane, in the order of memory.
template <class T, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE auto lowest_bytes(D, Pair<V> v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> du;
  const hn::Repartition<uint16_t, D> d16;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  if constexpr (std::is_same_v<T, float>) {
    return hn::TruncateTo(d8, hn::ConcatEven(d16, hn::BitCast(d16, v.b), hn::BitCast(d16, v.a)));
  } else {
    const auto odd = hn::BitCast(d16, hn::ShiftLeft<16>(hn::BitCast(du, v.b)));
    return hn::TruncateTo(d8, hn::OddEven(odd, hn::BitCast(d16, v.a)));
  }
}

/// Values to u8: the same as quantized.h gives.
template <class D>
class Quantizer {
  using V = hwy::HWY_NAMESPACE::Vec<D>;
  using DI = hwy::HWY_NAMESPACE::RebindToSigned<D>;
  using VI = hwy::HWY_NAMESPACE::Vec<DI>;
  using D8 = hwy::HWY_NAMESPACE::Rebind<uint8_t, hwy::HWY_NAMESPACE::Repartition<uint16_t, D>>;

  /// 1.5 * 2^23: f32 has no bits for fractions there, and the lowest ones hold the integer.
  static constexpr float kMagic = 12582912.0f;
  static constexpr int32_t kMagicBits = 0x4B400000;

 public:
  /// `least`: of the results, 0 to zero_point.
  HWY_INLINE explicit Quantizer(int zero_point, int least = 0)
      : low_(hwy::HWY_NAMESPACE::Set(DI(), kMagicBits + least - zero_point)),
        high_(hwy::HWY_NAMESPACE::Set(DI(), kMagicBits + 255 - zero_point)),
        zero_point_(hwy::HWY_NAMESPACE::Set(D8(), static_cast<uint8_t>(zero_point))),
        zero_point_byte_(static_cast<uint8_t>(zero_point)) {}

  /// t = value * inverse_scale
  template <class T>
  HWY_INLINE void store(WholePair, Pair<V> t, PairedU8<T>* dst) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const auto steps = lowest_bytes<T>(D(), Pair<V>{rounded(t.a), rounded(t.b)});
    hn::StoreU(hn::Add(steps, zero_point_), D8(), &dst->bits);
  }
  template <class T>
  HWY_INLINE void store(PartOfPair part, Pair<V> t, PairedU8<T>* dst) const {
    HWY_ALIGN PairedU8<T> elements[kPairElements];
    store(WholePair(), t, elements);
    std::memcpy(dst, elements, part.count);
  }

  /// One vector in the order of memory, a byte for each lane.
  HWY_INLINE auto bytes(V t) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const hn::RebindToUnsigned<D> du;
    const hn::Rebind<uint8_t, D> d8;
    const auto steps = hn::TruncateTo(d8, hn::BitCast(du, rounded(t)));
    return hn::Add(steps, hn::Set(d8, zero_point_byte_));
  }

 private:
  /// The steps from the zero point, modulo 256, in the lowest byte of each lane.
  HWY_INLINE V rounded(V t) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    const DI di;
    // As integers the sums are in the order of the t wherever it matters: those that are too large
    // to be exact are beyond the limits, and those below zero are below the others. The zero point
    // comes later: ties go to even without it.
    const VI sum = hn::BitCast(di, hn::Add(t, hn::Set(d, kMagic)));
    const VI clamped = hn::Min(hn::Max(sum, low_), high_);
    return hn::IfThenElseZero(hn::Eq(t, t), hn::BitCast(d, clamped));
  }

  VI low_, high_;
  hwy::HWY_NAMESPACE::Vec<D8> zero_point_;
  uint8_t zero_point_byte_;
};

#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
