// Included by norm_highway.cc, once per target.

#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/storage-inl.h"
#include "kernels/norm/norm_rows.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Channels whose sums are held at a time: they stay in the L1 cache.
constexpr size_t kChannelBlock = 512;
/// Pixels that meet the sums of a vector of channels while these are in registers. Few enough that
/// the rows are read side by side, each from front to back.
constexpr size_t kBand = 8;

/// Per channel, over the pixels of a chunk: sums of d and d*d, d = x - (x of the first pixel).
/// With such a shift the sum of squares is at most `pixels` times the squared deviation from the
/// mean, so subtracting the squared sum later cancels no more than a factor of the chunk's size.
struct ShiftedSums {
  HWY_ALIGN float sum[kChannelBlock];
  HWY_ALIGN float square[kChannelBlock];
};

/// A rectangle of one source: [pixels, channels].
template <class T>
struct Rectangle {
  const T* src;
  size_t ld;
  size_t pixels;
  size_t channels;
};

/// Adds pixels [first, first + count) to the sums, all channels.
template <class T>
HWY_INLINE void sum_band(const Rectangle<T>& x, size_t first, size_t count, ShiftedSums& sums) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const T* rows = x.src + first * x.ld;
  const auto add = [&](size_t c, auto load) HWY_ATTR {
    const V pivot = load(x.src + c);
    V sum = hn::Load(d, sums.sum + c);
    V square = hn::Load(d, sums.square + c);
    for (size_t p = 0; p < count; ++p) {
      const V delta = hn::Sub(load(rows + p * x.ld + c), pivot);
      sum = hn::Add(sum, delta);
      square = hn::MulAdd(delta, delta, square);
    }
    hn::Store(sum, d, sums.sum + c);
    hn::Store(square, d, sums.square + c);
  };
  size_t c = 0;
  for (; c + lanes <= x.channels; c += lanes) {
    add(c, [&](const T* p) HWY_ATTR { return load_f32(d, p); });
  }
  const size_t rest = x.channels - c;
  if (rest != 0) add(c, [&](const T* p) HWY_ATTR { return load_f32_some(d, p, rest); });
}

/// x.channels <= kChannelBlock
template <class T>
void add_channel_block(const Rectangle<T>& x, GroupMomentsBuilder& builder) {
  ShiftedSums sums;
  const size_t lanes = hn::Lanes(D());
  for (size_t c = 0; c < x.channels; c += lanes) {
    hn::Store(hn::Zero(D()), D(), sums.sum + c);
    hn::Store(hn::Zero(D()), D(), sums.square + c);
  }
  size_t p = 0;
  for (; p + kBand <= x.pixels; p += kBand) sum_band(x, p, kBand, sums);
  if (p < x.pixels) sum_band(x, p, x.pixels - p, sums);
  for (size_t c = 0; c < x.channels; ++c) {
    builder.add_channel(to_f32(x.src[c]), sums.sum[c], sums.square[c]);
  }
}

template <class T>
void add_source(const Rectangle<T>& x, GroupMomentsBuilder& builder) {
  for (size_t c0 = 0; c0 < x.channels; c0 += kChannelBlock) {
    Rectangle<T> block = x;
    block.src += c0;
    block.channels = HWY_MIN(x.channels - c0, kChannelBlock);
    add_channel_block(block, builder);
  }
}

template <class T>
void group_norm_moments(const GroupNorm& norm, size_t chunk0, size_t chunk1,
                        GroupMoments* moments) noexcept {
  for (size_t chunk = chunk0; chunk < chunk1; ++chunk) {
    const size_t first = chunk * kGroupNormChunk;
    const size_t pixels = HWY_MIN(norm.pixels - first, kGroupNormChunk);
    GroupMomentsBuilder builder(norm.channels / norm.groups, pixels, moments + chunk * norm.groups);
    const auto source = [&](const void* src, size_t ld, size_t channels) HWY_ATTR {
      const Rectangle<T> x{static_cast<const T*>(src) + first * ld, ld, pixels, channels};
      add_source(x, builder);
    };
    source(norm.src, norm.ld_src, norm.channels - norm.channels2);
    if (norm.src2 != nullptr) source(norm.src2, norm.ld_src2, norm.channels2);
  }
}

/// The channels of a pixel that lie in one source.
template <Activation kKind, class T>
HWY_INLINE void apply_row(const T* src, const float* scale, const float* shift, T* dst,
                          size_t channels) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const Activate<kKind> activate{};
  size_t c = 0;
  for (; c + lanes <= channels; c += lanes) {
    const V y = hn::MulAdd(load_f32(d, src + c), hn::LoadU(d, scale + c), hn::LoadU(d, shift + c));
    store_rounded(activate(d, y), d, dst + c);
  }
  const size_t rest = channels - c;
  if (rest == 0) return;
  const V y = hn::MulAdd(load_f32_some(d, src + c, rest), load_some(d, scale + c, rest),
                         load_some(d, shift + c, rest));
  store_rounded_some(activate(d, y), d, dst + c, rest);
}

template <Activation kKind, class T>
void apply_rows(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                size_t pixel1) {
  const size_t border = norm.channels - norm.channels2;
  for (size_t p = pixel0; p < pixel1; ++p) {
    T* dst = static_cast<T*>(norm.dst) + p * norm.ld_dst;
    apply_row<kKind>(static_cast<const T*>(norm.src) + p * norm.ld_src, scale, shift, dst, border);
    if (norm.src2 == nullptr) continue;
    apply_row<kKind>(static_cast<const T*>(norm.src2) + p * norm.ld_src2, scale + border,
                     shift + border, dst + border, norm.channels2);
  }
}

template <class T>
void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  using Apply = void (*)(const GroupNorm&, const float*, const float*, size_t, size_t);
  static constexpr Apply kApply[kActivationCount] = {
      apply_rows<Activation::none, T>,      apply_rows<Activation::relu, T>,
      apply_rows<Activation::silu, T>,      apply_rows<Activation::gelu, T>,
      apply_rows<Activation::gelu_tanh, T>, apply_rows<Activation::quick_gelu, T>,
      apply_rows<Activation::tanh, T>,      apply_rows<Activation::sigmoid, T>,
  };
  kApply[static_cast<size_t>(norm.activation)](norm, scale, shift, pixel0, pixel1);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
