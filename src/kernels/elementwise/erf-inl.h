// Error function, normal distribution and tanh for Highway code, built on exp-inl.h; include it as
// that one.

#if defined(EF_KERNELS_ERF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_ERF_INL_H_
#undef EF_KERNELS_ERF_INL_H_
#else
#define EF_KERNELS_ERF_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/elementwise/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// Upper tail of the normal distribution, Q(t) = P(X > t), for t >= 0: relative error <= 1e-6 as
/// far as exp does not flush to zero (t <= 13.1), 0 beyond; NaN stays NaN.
/// Q(t) = e^(-t*t/2) R(u), u = (t - 3) / (t + 3): R is smooth and tends to 1 / (t sqrt(2 pi)).
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V normal_tail(D d, V t) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V three = hn::Set(d, 3.0f);
  const V capped = hn::IfThenElse(hn::Gt(t, hn::Set(d, 1e4f)), hn::Set(d, 1e4f), t);  // inf
  const V u = hn::Div(hn::Sub(capped, three), hn::Add(capped, three));
  // Minimax on t in [0, 13.3]: relative error 6.6e-9.
  V p = hn::Set(d, 5.41588124e-05f);
  p = hn::MulAdd(p, u, hn::Set(d, 0.000116051233f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.000339911756f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.000984192942f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.00290470058f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.00613218546f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.0462133139f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.123225018f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.206402615f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.121513948f));
  // t*t/2 reaches 87, where one f32 rounding is 4e-6 of the exponential: square the upper half of
  // t exactly and hand the rest to exp apart (Dekker).
  const hn::RebindToUnsigned<D> du;
  const V high = hn::BitCast(d, hn::And(hn::BitCast(du, capped), hn::Set(du, 0xFFFFF000u)));
  const V square = hn::Mul(hn::Mul(high, high), hn::Set(d, -0.5f));
  const V rest = hn::Mul(hn::Mul(hn::Sub(capped, high), hn::Add(capped, high)), hn::Set(d, -0.5f));
  return hn::Mul(p, exp_of_sum(d, square, rest));
}

/// Normal distribution function P(X <= x): relative error <= 1e-6 down to x = -13.1, 0 below.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V normal_cdf(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V tail = normal_tail(d, hn::Abs(x));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 1.0f), tail), tail);
}

/// erf(x): relative error <= 4 ulp.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V erf(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V magnitude = hn::Abs(x);
  const V square = hn::Mul(x, x);
  // Near 0, where 1 - 2 Q would cancel: erf(x) / x, minimax on |x| <= 1, relative error 1.2e-9.
  V p = hn::Set(d, 7.85401789e-05f);
  p = hn::MulAdd(p, square, hn::Set(d, -0.000801024493f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.00518833427f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.0268538166f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.112835854f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.37612626f));
  p = hn::MulAdd(p, square, hn::Set(d, 1.12837911f));
  const V tail = normal_tail(d, hn::Mul(magnitude, hn::Set(d, 1.41421356f)));
  const V far = hn::CopySign(hn::NegMulAdd(tail, hn::Set(d, 2.0f), hn::Set(d, 1.0f)), x);
  return hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 1.0f)), far, hn::Mul(p, x));
}

/// tanh(x): relative error <= 4 ulp; NaN stays NaN.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  const V magnitude = hn::Abs(x);
  const V square = hn::Mul(x, x);
  // (tanh(x) - x) / x^3 on |x| <= 0.625: 4.4e-9 of tanh.
  V p = hn::Set(d, -0.00570499059f);
  p = hn::MulAdd(p, square, hn::Set(d, 0.0206390899f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.0537397154f));
  p = hn::MulAdd(p, square, hn::Set(d, 0.133314416f));
  p = hn::MulAdd(p, square, hn::Set(d, -0.333332807f));
  const V near = hn::MulAdd(hn::Mul(p, square), x, x);
  const V e = exp(d, hn::Add(magnitude, magnitude));
  const V far = hn::CopySign(hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one))), x);
  return hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0.625f)), far, near);
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
