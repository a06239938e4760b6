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
};

/// `scale` null: 1; `shift` null: 0.
template <class T>
HWY_INLINE void load_map(const float* scale, const float* shift, size_t channels, ChannelMap& map) {
  const D d;
  const V one = hn::Set(d, 1.0f);
  const V zero = hn::Zero(d);
  for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
    store_pair(scale != nullptr ? step.template load_for<T>(d, scale + c) : Pair<V>{one, one}, d,
               map.scale + c);
    store_pair(shift != nullptr ? step.template load_for<T>(d, shift + c) : Pair<V>{zero, zero}, d,
               map.shift + c);
  });
}

/// What of a group norm lies in one source.
template <class T>
struct SourceMap {
  const T* src;
  T* dst;
  size_t ld_src;
  size_t ld_dst;
  size_t channels;
  const float* scale;
  const float* shift;
};

/// Channels [c0, c0 + channels) of pixels [pixel0, pixel1); channels <= kMapBlock.
template <Activation kKind, class T>
HWY_INLINE void apply_block(const SourceMap<T>& map, size_t c0, size_t channels, size_t pixel0,
                            size_t pixel1) {
  const D d;
  ChannelMap paired;
  load_map<T>(map.scale + c0, map.shift + c0, channels, paired);
  const ActivateFor<kKind, T> activate{};
  for (size_t p = pixel0; p < pixel1; ++p) {
    const T* src = map.src + p * map.ld_src + c0;
    T* dst = map.dst + p * map.ld_dst + c0;
    for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
      const Pair<V> x = step.load(d, src + c);
      const Pair<V> scale = load_pair(d, paired.scale + c);
      const Pair<V> shift = load_pair(d, paired.shift + c);
      const V a = activate(d, hn::MulAdd(x.a, scale.a, shift.a));
      const V b = activate(d, hn::MulAdd(x.b, scale.b, shift.b));
      step.store(Pair<V>{a, b}, d, dst + c);
    });
  }
}

template <Activation kKind, class T>
void apply_source(const SourceMap<T>& map, size_t pixel0, size_t pixel1) {
  for (size_t c0 = 0; c0 < map.channels; c0 += kMapBlock) {
    const size_t channels = HWY_MIN(map.channels - c0, kMapBlock);
    apply_block<kKind>(map, c0, channels, pixel0, pixel1);
  }
}

template <Activation kKind, class T>
void apply_sources(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                   size_t pixel1) {
  const size_t border = norm.channels - norm.channels2;
  SourceMap<T> map{static_cast<const T*>(norm.src),
                   static_cast<T*>(norm.dst),
                   norm.ld_src,
                   norm.ld_dst,
                   border,
                   scale,
                   shift};
  apply_source<kKind>(map, pixel0, pixel1);
  if (norm.src2 == nullptr) return;
  map.src = static_cast<const T*>(norm.src2);
  map.ld_src = norm.ld_src2;
  map.dst += border;
  map.channels = norm.channels2;
  map.scale += border;
  map.shift += border;
  apply_source<kKind>(map, pixel0, pixel1);
}

template <class T>
void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  using Apply = void (*)(const GroupNorm&, const float*, const float*, size_t, size_t);
  static constexpr Apply kApply[kActivationCount] = {
      apply_sources<Activation::none, T>,      apply_sources<Activation::relu, T>,
      apply_sources<Activation::silu, T>,      apply_sources<Activation::gelu, T>,
      apply_sources<Activation::gelu_tanh, T>, apply_sources<Activation::quick_gelu, T>,
      apply_sources<Activation::tanh, T>,      apply_sources<Activation::sigmoid, T>,
  };
  kApply[static_cast<size_t>(norm.activation)](norm, scale, shift, pixel0, pixel1);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
