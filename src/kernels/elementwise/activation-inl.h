// Activations as function objects for Highway loops: f(d, x) on one vector. Include it as
// exp-inl.h.
//
// Errors against the exact functions of the f32 input, for finite x with results that are not
// subnormal: relu and none exact; tanh 4 ulp; sigmoid, silu, quick_gelu 1e-6 relative (quick_gelu
// and gelu_tanh round the argument of exp, which adds 6e-8 per unit of it: 5e-6 in the far tail);
// gelu 1.5e-6 relative. NaN stays NaN; +inf gives inf (sigmoid, tanh: 1).

#if defined(EF_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EF_KERNELS_ACTIVATION_INL_H_
#undef EF_KERNELS_ACTIVATION_INL_H_
#else
#define EF_KERNELS_ACTIVATION_INL_H_
#endif

#include "core/activation.h"
#include "hwy/highway.h"
#include "kernels/elementwise/erf-inl.h"
#include "kernels/elementwise/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

template <Activation kKind>
struct Activate {
  template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    namespace hn = hwy::HWY_NAMESPACE;
    if constexpr (kKind == Activation::none) {
      return x;
    } else if constexpr (kKind == Activation::relu) {
      return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
    } else if constexpr (kKind == Activation::silu) {
      const V one = hn::Set(d, 1.0f);
      return hn::Div(x, hn::Add(one, exp(d, hn::Neg(x))));
    } else if constexpr (kKind == Activation::gelu) {
      return hn::Mul(x, normal_cdf(d, x));
    } else if constexpr (kKind == Activation::gelu_tanh) {
      // (1 + tanh z) / 2 = sigmoid(2 z), z = sqrt(2 / pi) (x + 0.044715 x^3)
      const V cubic = hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.0713548163f), hn::Set(d, 1.59576912f));
      return hn::Mul(x, sigmoid(d, hn::Mul(cubic, x)));
    } else if constexpr (kKind == Activation::quick_gelu) {
      return hn::Mul(x, sigmoid(d, hn::Mul(x, hn::Set(d, 1.702f))));
    } else if constexpr (kKind == Activation::tanh) {
      return tanh(d, x);
    } else {
      static_assert(kKind == Activation::sigmoid);
      return sigmoid(d, x);
    }
  }
};

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
