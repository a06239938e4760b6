// Included by norm_highway.cc, once per target, after group_norm_moments-inl.h.

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

/// Makes a map of values one of the u8 that stand for them.
template <class Order>
HWY_INLINE void take_numbers(const float* src_scale, int zero_point, size_t channels,
                             ChannelMap& map) {
  const D d;
  const V zero = hn::Set(d, static_cast<float>(zero_point));
  for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
    const Pair<V> source = step.template load_for<Order>(d, src_scale + c);
    Pair<V> scale = load_pair(d, map.scale + c);
    Pair<V> shift = load_pair(d, map.shift + c);
    scale = {hn::Mul(scale.a, source.a), hn::Mul(scale.b, source.b)};
    shift = {hn::NegMulAdd(zero, scale.a, shift.a), hn::NegMulAdd(zero, scale.b, shift.b)};
    store_pair(scale, d, map.scale + c);
    store_pair(shift, d, map.shift + c);
  });
}

/// Of activations x / (1 + 2^(factor * x)); 0: it is none of them.
template <Activation kKind>
inline constexpr float kLogisticFactor = kKind == Activation::silu         ? -1.44269504f
                                         : kKind == Activation::quick_gelu ? -2.45546696f
                                                                           : 0.0f;

/// Makes the results of a norm from those of its map and stores them: floats, rounded to their
/// type,
template <Activation kKind, class Dst>
struct ResultStore {
  explicit ResultStore(int /*zero_point*/) {}

  template <class Step>
  HWY_INLINE void operator()(Step step, Pair<V> x, const float* /*inverse_scale*/, Dst* dst) const {
    const D d;
    const ActivateFor<kKind, Dst> activate{};
    step.store(Pair<V>{activate(d, x.a), activate(d, x.b)}, d, dst);
  }
};

/// or u8. The way from a sum to its store is long, and as much of it as can be is spared or done
/// beside it: hence the folded factors.
template <Activation kKind, class T>
struct ResultStore<kKind, PairedU8<T>> {
  Quantizer<D> quantizer;

  explicit ResultStore(int zero_point) : quantizer(zero_point) {}

  template <class Order>
  static HWY_INLINE void prepare(const float* inverse_scale, size_t channels, ChannelMap& map) {
    if constexpr (kKind == Activation::none) {
      fold_inverse_scale<Order>(inverse_scale, channels, map);
    } else {
      constexpr float factor = kLogisticFactor<kKind>;
      load_inverse_scale<Order>(inverse_scale, factor != 0.0f ? factor : 1.0f, channels, map);
    }
  }
  /// `inverse_scale` in the order of pairs.
  template <class Step>
  HWY_INLINE void operator()(Step step, Pair<V> x, const float* inverse_scale,
                             PairedU8<T>* dst) const {
    const D d;
    if constexpr (kKind == Activation::none) {
      quantizer.store(step, x, dst);
    } else if constexpr (kLogisticFactor<kKind> != 0.0f) {
      const Pair<V> scaled = multiplied(x, load_pair(d, inverse_scale));
      const V a = times_logistic(d, scaled.a, x.a);
      quantizer.store(step, Pair<V>{a, times_logistic(d, scaled.b, x.b)}, dst);
    } else {
      const FastActivate<kKind> activate;
      const Pair<V> y = {activate(d, x.a), activate(d, x.b)};
      quantizer.store(step, multiplied(y, load_pair(d, inverse_scale)), dst);
    }
  }
};

/// What of a group norm lies in one source: `channels` from channel `first` of the result on.
template <class Src>
struct SourceMap {
  const Src* src;
  size_t ld_src;
  size_t first;
  size_t channels;
  const float* scale;
  const float* shift;
};

/// The map of channels [c0, c0 + channels) of a source.
template <Activation kKind, class Src, class Dst>
HWY_INLINE void load_block_map(const GroupNorm& norm, const SourceMap<Src>& source, size_t c0,
                               size_t channels, ChannelMap& map) {
  using Order = PairOrder<Src>;
  const size_t c = source.first + c0;
  load_map<Order>(source.scale + c, source.shift + c, channels, map);
  if constexpr (kIsU8<Src>) {
    take_numbers<Order>(norm.src_scale + c, norm.src_zero_point, channels, map);
  }
  if constexpr (kIsU8<Dst>) {
    ResultStore<kKind, Dst>::template prepare<Order>(norm.dst_inverse_scale + c, channels, map);
  }
}

/// Channels [c0, c0 + channels) of pixels [pixel0, pixel1); channels <= kMapBlock.
template <Activation kKind, class Src, class Dst>
HWY_INLINE void apply_block(const GroupNorm& norm, const SourceMap<Src>& source, size_t c0,
                            size_t channels, size_t pixel0, size_t pixel1) {
  const D d;
  ChannelMap map;
  load_block_map<kKind, Src, Dst>(norm, source, c0, channels, map);
  const ResultStore<kKind, Dst> store(norm.dst_zero_point);
  for (size_t p = pixel0; p < pixel1; ++p) {
    const Src* src = source.src + p * source.ld_src + c0;
    Dst* dst = static_cast<Dst*>(norm.dst) + p * norm.ld_dst + source.first + c0;
    for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
      const Pair<V> x = step.load(d, src + c);
      const Pair<V> scale = load_pair(d, map.scale + c);
      const Pair<V> shift = load_pair(d, map.shift + c);
      const Pair<V> y = {hn::MulAdd(x.a, scale.a, shift.a), hn::MulAdd(x.b, scale.b, shift.b)};
      store(step, y, map.inverse_scale + c, dst + c);
    });
  }
}

template <Activation kKind, class Src, class Dst>
void apply_source(const GroupNorm& norm, const SourceMap<Src>& source, size_t pixel0,
                  size_t pixel1) {
  for (size_t c0 = 0; c0 < source.channels; c0 += kMapBlock) {
    const size_t channels = HWY_MIN(source.channels - c0, kMapBlock);
    apply_block<kKind, Src, Dst>(norm, source, c0, channels, pixel0, pixel1);
  }
}

template <Activation kKind, class Src, class Dst>
void apply_sources(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                   size_t pixel1) {
  const size_t border = norm.channels - norm.channels2;
  SourceMap<Src> source{static_cast<const Src*>(norm.src), norm.ld_src, 0, border, scale, shift};
  apply_source<kKind, Src, Dst>(norm, source, pixel0, pixel1);
  if (norm.src2 == nullptr) return;
  source.src = static_cast<const Src*>(norm.src2);
  source.ld_src = norm.ld_src2;
  source.first = border;
  source.channels = norm.channels2;
  apply_source<kKind, Src, Dst>(norm, source, pixel0, pixel1);
}

template <class Src, class Dst>
void apply_activation(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) {
  using Apply = void (*)(const GroupNorm&, const float*, const float*, size_t, size_t);
  static constexpr Apply kApply[kActivationCount] = {
      apply_sources<Activation::none, Src, Dst>,
      apply_sources<Activation::relu, Src, Dst>,
      apply_sources<Activation::silu, Src, Dst>,
      apply_sources<Activation::gelu, Src, Dst>,
      apply_sources<Activation::gelu_tanh, Src, Dst>,
      apply_sources<Activation::quick_gelu, Src, Dst>,
      apply_sources<Activation::tanh, Src, Dst>,
      apply_sources<Activation::sigmoid, Src, Dst>,
  };
  kApply[static_cast<size_t>(norm.activation)](norm, scale, shift, pixel0, pixel1);
}

template <class T>
void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  using U8 = PairedU8<T>;
  const auto apply = norm.src_u8
                         ? (norm.dst_u8 ? apply_activation<U8, U8> : apply_activation<U8, T>)
                         : (norm.dst_u8 ? apply_activation<T, U8> : apply_activation<T, T>);
  apply(norm, scale, shift, pixel0, pixel1);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
