// Exponentials for Highway code. Per-target header: include it after hwy/highway.h, inside the file
// that foreach_target compiles once per instruction set.

#if defined(EF_KERNELS_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_EXP_INL_H_
#undef EF_KERNELS_EXP_INL_H_
#else
#define EF_KERNELS_EXP_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// e^(x + low), |low| <= 2^-10 |x| + tiny: `low` is what x could not hold. For x + low in
/// [-86.9, 88.72] the relative error is <= 2 ulp (polynomial 3.1e-9, the rest rounding); below
/// -86.9 it is 0, above 88.73 inf; NaN stays NaN.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V exp_of_sum(D d, V x, V low) {
  namespace hn = hwy::HWY_NAMESPACE;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low mantissa bits; the further 126 makes
  // these bits the biased exponent of 2^(n-1).
  const V magic = hn::Set(d, 12582912.0f + 126.0f);
  const V capped = hn::IfThenElse(hn::Gt(x, hn::Set(d, 89.0f)), hn::Set(d, 89.0f), x);
  const V biased = hn::MulAdd(capped, hn::Set(d, 1.44269504f), magic);
  const V n = hn::Sub(biased, magic);
  // ln 2 in two parts (Cody and Waite): n * 0.693359375 is exact, also without FMA.
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), capped);
  r = hn::Add(hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r), low);
  // Minimax on |r| <= 0.3476 (ln 2 / 2 and a margin).
  V p = hn::Set(d, 0.00138141715f);
  p = hn::MulAdd(p, r, hn::Set(d, 0.0083689224f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0416684076f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.166665196f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.49999994f));
  p = hn::Add(hn::MulAdd(hn::Mul(r, r), p, r), hn::Set(d, 1.0f));
  const hn::RebindToUnsigned<D> du;
  const V half_power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, biased)));
  const V y = hn::Mul(hn::Mul(p, half_power), hn::Set(d, 2.0f));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -86.9f)), y);
}

/// e^x; bounds as exp_of_sum.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  return exp_of_sum(d, x, hwy::HWY_NAMESPACE::Zero(d));
}

/// 2^x for x <= 0, made for softmax: relative error <= 2.5 ulp for x >= -126, exactly 1 at 0 and
/// exactly 0 below -127 (between, either), -inf included; NaN stays NaN. Not for x > 0.5.
template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V exp2_nonpositive(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V magic = hn::Set(d, 12582912.0f + 127.0f);
  const V lowest = hn::Set(d, -127.0f);  // its biased exponent is 0: the power becomes +0
#if HWY_ARCH_X86
  const V clamped = hn::Max(lowest, x);  // MAXPS gives its second operand if one is NaN
#else
  const V clamped = hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
#endif
  const V biased = hn::Add(clamped, magic);
  const V r = hn::Sub(clamped, hn::Sub(biased, magic));
  // Minimax of 2^r on [-0.5, 0.5] with the constant held at 1: relative error 9.2e-8.
  V p = hn::Set(d, 0.00132647238f);
  p = hn::MulAdd(p, r, hn::Set(d, 0.00967151299f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0555073358f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.240222424f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.693147004f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const hn::RebindToUnsigned<D> du;
  return hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, biased))));
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
