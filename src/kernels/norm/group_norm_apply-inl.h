// Included by norm_highway.cc, once per target, after norm_results-inl.h.

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {

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
template <class Activate, class Src, class Dst>
HWY_INLINE void load_block_map(const GroupNorm& norm, const SourceMap<Src>& source, size_t c0,
                               size_t channels, ChannelMap& map) {
  using Order = PairOrder<Src>;
  const size_t c = source.first + c0;
  load_map<Order>(source.scale + c, source.shift + c, channels, map);
  if constexpr (kIsU8<Src>) {
    take_numbers<Order>(norm.src_scale + c, norm.src_zero_point, channels, map);
  }
  if constexpr (kIsU8<Dst>) {
    ResultStore<Activate, Dst>::prepare(norm.dst_inverse_scale + c, channels, map);
  }
}

/// Channels [c0, c0 + channels) of pixels [pixel0, pixel1); channels <= kMapBlock.
template <class Activate, class Src, class Dst>
HWY_INLINE void apply_block(const GroupNorm& norm, const SourceMap<Src>& source, size_t c0,
                            size_t channels, size_t pixel0, size_t pixel1) {
  const D d;
  ChannelMap map;
  load_block_map<Activate, Src, Dst>(norm, source, c0, channels, map);
  const ResultStore<Activate, Dst> store(norm.activation, norm.dst_zero_point);
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

template <class Activate, class Src, class Dst>
void apply_source(const GroupNorm& norm, const SourceMap<Src>& source, size_t pixel0,
                  size_t pixel1) {
  for (size_t c0 = 0; c0 < source.channels; c0 += kMapBlock) {
    const size_t channels = HWY_MIN(source.channels - c0, kMapBlock);
    apply_block<Activate, Src, Dst>(norm, source, c0, channels, pixel0, pixel1);
  }
}

template <class Activate, class Src, class Dst>
void apply_sources(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                   size_t pixel1) {
  const size_t border = norm.channels - norm.channels2;
  SourceMap<Src> source{static_cast<const Src*>(norm.src), norm.ld_src, 0, border, scale, shift};
  apply_source<Activate, Src, Dst>(norm, source, pixel0, pixel1);
  if (norm.src2 == nullptr) return;
  source.src = static_cast<const Src*>(norm.src2);
  source.ld_src = norm.ld_src2;
  source.first = border;
  source.channels = norm.channels2;
  apply_source<Activate, Src, Dst>(norm, source, pixel0, pixel1);
}

template <class T>
void apply_floats(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                  size_t pixel1) {
  using Apply = void (*)(const GroupNorm&, const float*, const float*, size_t, size_t);
  static constexpr Apply kApply[kActivationCount] = {
      apply_sources<FixedActivation<Activation::none>, T, T>,
      apply_sources<FixedActivation<Activation::relu>, T, T>,
      apply_sources<FixedActivation<Activation::silu>, T, T>,
      apply_sources<FixedActivation<Activation::gelu>, T, T>,
      apply_sources<FixedActivation<Activation::gelu_tanh>, T, T>,
      apply_sources<FixedActivation<Activation::quick_gelu>, T, T>,
      apply_sources<FixedActivation<Activation::tanh>, T, T>,
      apply_sources<FixedActivation<Activation::sigmoid>, T, T>,
  };
  kApply[static_cast<size_t>(norm.activation)](norm, scale, shift, pixel0, pixel1);
}

/// At least one side is u8.
template <class Src, class Dst>
void apply_bytes(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                 size_t pixel1) {
  const auto apply = norm.activation == Activation::none
                         ? apply_sources<FixedActivation<Activation::none>, Src, Dst>
                     : norm.activation == Activation::silu
                         ? apply_sources<FixedActivation<Activation::silu>, Src, Dst>
                         : apply_sources<AnyActivation, Src, Dst>;
  apply(norm, scale, shift, pixel0, pixel1);
}

template <class T>
void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  const auto apply = norm.src_u8
                         ? (norm.dst_u8 ? apply_bytes<LoneU8, LoneU8> : apply_bytes<PairedU8<T>, T>)
                         : (norm.dst_u8 ? apply_bytes<T, PairedU8<T>> : apply_floats<T>);
  apply(norm, scale, shift, pixel0, pixel1);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
