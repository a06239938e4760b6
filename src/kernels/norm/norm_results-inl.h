// Included by norm_highway.cc, once per target, after group_norm_moments-inl.h: what both norms
// know of channels, and how they store results.

#include "kernels/elementwise/fast_activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {

/// Channels whose factors and summands are held at a time: they stay in the L1 cache while whole
/// rows pass, each from front to back. (Results of several rows side by side would be stored at a
/// walk: the caches fetch ahead for one row, not for many.)
constexpr size_t kMapBlock = 2048;

/// Per channel of a block, in the order of pairs.
struct ChannelMap {
  HWY_ALIGN float scale[kMapBlock];
  HWY_ALIGN float shift[kMapBlock];
  HWY_ALIGN float inverse_scale[kMapBlock];  // of u8 results; not set if there are none
};

/// `scale` null: 1; `shift` null: 0.
template <class Order>
HWY_INLINE void load_map(const float* scale, const float* shift, size_t channels, ChannelMap& map) {
  const D d;
  const V one = hn::Set(d, 1.0f);
  const V zero = hn::Zero(d);
  for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
    store_pair(scale != nullptr ? step.template load_for<Order>(d, scale + c) : Pair<V>{one, one},
               d, map.scale + c);
    store_pair(shift != nullptr ? step.template load_for<Order>(d, shift + c) : Pair<V>{zero, zero},
               d, map.shift + c);
  });
}

/// For u8 results without an activation: they are quantised by the map, so to speak.
template <class Order>
HWY_INLINE void fold_inverse_scale(const float* inverse_scale, size_t channels, ChannelMap& map) {
  const D d;
  for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
    const Pair<V> inverse = step.template load_for<Order>(d, inverse_scale + c);
    store_pair(multiplied(load_pair(d, map.scale + c), inverse), d, map.scale + c);
    store_pair(multiplied(load_pair(d, map.shift + c), inverse), d, map.shift + c);
  });
}

/// Otherwise: the map's results are multiplied by `factor`, and what is quantised is
/// inverse_scale / factor times what is made of them.
template <class Order>
HWY_INLINE void load_inverse_scale(const float* inverse_scale, float factor, size_t channels,
                                   ChannelMap& map) {
  const D d;
  const V f = hn::Set(d, factor);
  const V inverse_f = hn::Set(d, 1.0f / factor);
  for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
    const Pair<V> inverse = step.template load_for<Order>(d, inverse_scale + c);
    store_pair(multiplied(inverse, Pair<V>{inverse_f, inverse_f}), d, map.inverse_scale + c);
    store_pair(multiplied(load_pair(d, map.scale + c), Pair<V>{f, f}), d, map.scale + c);
    store_pair(multiplied(load_pair(d, map.shift + c), Pair<V>{f, f}), d, map.shift + c);
  });
}

/// An activation that a loop is compiled for.
template <Activation kKind>
struct FixedActivation {
  static constexpr bool kIsNone = kKind == Activation::none;
  /// Of an activation x / (1 + 2^(factor * x)); 0: it is none, or not worth a loop for u8.
  static constexpr float kLogisticFactor = kKind == Activation::silu ? -1.44269504f : 0.0f;

  explicit FixedActivation(Activation /*kind*/) {}
  /// Exact enough for a result stored as T.
  template <class T>
  HWY_INLINE V apply(V x) const {
    return ActivateFor<kKind, T>()(D(), x);
  }
};

template <class T>
HWY_NOINLINE V activate_any(Activation kind, V x) {
  const D d;
  switch (kind) {
    case Activation::none:
      return x;
    case Activation::relu:
      return ActivateFor<Activation::relu, T>()(d, x);
    case Activation::silu:
      return ActivateFor<Activation::silu, T>()(d, x);
    case Activation::gelu:
      return ActivateFor<Activation::gelu, T>()(d, x);
    case Activation::gelu_tanh:
      return ActivateFor<Activation::gelu_tanh, T>()(d, x);
    case Activation::quick_gelu:
      return ActivateFor<Activation::quick_gelu, T>()(d, x);
    case Activation::tanh:
      return ActivateFor<Activation::tanh, T>()(d, x);
    case Activation::sigmoid:
      return ActivateFor<Activation::sigmoid, T>()(d, x);
  }
  return x;
}

/// One that is asked for at each step: no network has it beside u8, and a loop for each, with all
/// pairs of types, would be most of the code of this family.
struct AnyActivation {
  static constexpr bool kIsNone = false;
  static constexpr float kLogisticFactor = 0.0f;
  Activation kind;

  explicit AnyActivation(Activation which) : kind(which) {}
  template <class T>
  HWY_INLINE V apply(V x) const {
    return activate_any<T>(kind, x);
  }
};

/// Makes the results of a norm from those of its map and stores them: floats, rounded to their
/// type,
template <class Activate, class Dst>
struct ResultStore {
  Activate activate;

  ResultStore(Activation kind, int /*zero_point*/) : activate(kind) {}

  template <class Step>
  HWY_INLINE void operator()(Step step, Pair<V> x, const float* /*inverse_scale*/, Dst* dst) const {
    const V a = activate.template apply<Dst>(x.a);
    step.store(Pair<V>{a, activate.template apply<Dst>(x.b)}, D(), dst);
  }
};

/// or u8. The way from a sum to its store is long, and as much of it as can be is spared or done
/// beside it: hence the folded factors.
template <class Activate, class T>
struct ResultStore<Activate, PairedU8<T>> {
  Activate activate;
  Quantizer<D> quantizer;

  ResultStore(Activation kind, int zero_point) : activate(kind), quantizer(zero_point) {}

  static HWY_INLINE void prepare(const float* inverse_scale, size_t channels, ChannelMap& map) {
    if constexpr (Activate::kIsNone) {
      fold_inverse_scale<T>(inverse_scale, channels, map);
    } else {
      constexpr float factor = Activate::kLogisticFactor;
      load_inverse_scale<T>(inverse_scale, factor != 0.0f ? factor : 1.0f, channels, map);
    }
  }
  /// `inverse_scale` in the order of pairs.
  template <class Step>
  HWY_INLINE void operator()(Step step, Pair<V> x, const float* inverse_scale,
                             PairedU8<T>* dst) const {
    const D d;
    if constexpr (Activate::kIsNone) {
      quantizer.store(step, x, dst);
    } else if constexpr (Activate::kLogisticFactor != 0.0f) {
      const Pair<V> scaled = multiplied(x, load_pair(d, inverse_scale));
      const V a = times_logistic(d, scaled.a, x.a);
      quantizer.store(step, Pair<V>{a, times_logistic(d, scaled.b, x.b)}, dst);
    } else {
      const V a = activate.template apply<Bf16>(x.a);
      const Pair<V> y = {a, activate.template apply<Bf16>(x.b)};
      quantizer.store(step, multiplied(y, load_pair(d, inverse_scale)), dst);
    }
  }
};

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
