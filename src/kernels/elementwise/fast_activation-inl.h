// Activations for results that are stored as bf16, which keeps 8 bits: half a place is 2e-3 to 4e-3
// of a value, so what is lost here does not show. Include it as exp-inl.h.
//
// Errors against the exact functions of the f32 input: silu, quick_gelu 1e-4 relative, gelu_tanh
// 2e-4 relative, each until the sigmoid falls below 2^-126 (from there on it stays 2^-126); gelu
// 2e-4 relative or 4e-7 + 4e-8 |x|, whichever is larger. The others are those of activation-inl.h.
// NaN stays NaN, +inf gives what it gives there.

#if defined(EF_KERNELS_FAST_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_FAST_ACTIVATION_INL_H_
#undef EF_KERNELS_FAST_ACTIVATION_INL_H_
#else
#define EF_KERNELS_FAST_ACTIVATION_INL_H_
#endif

#include <type_traits>

#include "hwy/highway.h"
#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/storage.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// x / (1 + 2^t), t taken for -126 or 126 where it is beyond: relative error 7.6e-5, and 4e-8 |t|
/// if t was rounded. NaN in x stays NaN; where t is NaN, x must be.
///
/// A division and not a reciprocal to be refined: no slower, since the divider works beside the
/// multipliers, and the same on every CPU.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V times_logistic(D d, V x, V t) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V magic = hn::Set(d, 12582912.0f + 127.0f);  // as in exp-inl.h
  const V clamped = hn::Min(hn::Set(d, 126.0f), hn::Max(hn::Set(d, -126.0f), t));
  const V biased = hn::Add(clamped, magic);
  const V r = hn::Sub(clamped, hn::Sub(biased, magic));
  // Minimax of 2^r on [-0.5, 0.5]: relative error 7.5e-5.
  V p = hn::Set(d, 0.0551716685f);
  p = hn::MulAdd(p, r, hn::Set(d, 0.242611125f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.693260968f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.999928057f));
  const hn::RebindToUnsigned<D> du;
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, biased)));
  return hn::Div(x, hn::MulAdd(p, power, hn::Set(d, 1.0f)));
}

/// x times the normal distribution function, as x / (1 + 2^t): t(x) = log2(P(X > x) / P(X <= x)) is
/// odd and smooth.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V fast_gelu(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  // Beyond 5.5 the smaller of both probabilities is less than 2e-8.
  const V near = hn::Min(hn::Set(d, 5.5f), hn::Max(hn::Set(d, -5.5f), x));
  const V square = hn::Mul(near, near);
  // t(x) / x, fitted on |x| <= 5.5: relative error of gelu 7.2e-5 or absolute 3.6e-7.
  V p = hn::Set(d, 7.71524782e-08f);
  p = hn::MulAdd(p, square, hn::Set(d, -4.82735441e-06f));
  p = hn::MulAdd(p, square, hn::Set(d, 9.37091681e-05f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.000403167331f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.105444603f));
  p = hn::MulAdd(p, square, hn::Set(d, -2.30186892f));
  return times_logistic(d, x, hn::Mul(p, near));
}

template <Activation kKind>
struct FastActivate {
  template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    if constexpr (kKind == Activation::silu) {
      return times_logistic(d, x, hn::Mul(x, hn::Set(d, -1.44269504f)));
    } else if constexpr (kKind == Activation::gelu) {
      return fast_gelu(d, x);
    } else if constexpr (kKind == Activation::gelu_tanh) {
      // -2 log2(e) sqrt(2 / pi) (x + 0.044715 x^3)
      const V cubic =
          hn::MulAdd(hn::Mul(x, x), hn::Set(d, -0.102943240f), hn::Set(d, -2.30220819f));
      return times_logistic(d, x, hn::Mul(cubic, x));
    } else if constexpr (kKind == Activation::quick_gelu) {
      return times_logistic(d, x, hn::Mul(x, hn::Set(d, -2.45546696f)));
    } else {
      return Activate<kKind>()(d, x);
    }
  }
};

/// Exact enough for a result stored as T.
template <Activation kKind, class T>
using ActivateFor =
    std::conditional_t<std::is_same_v<T, Bf16>, FastActivate<kKind>, Activate<kKind>>;

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
