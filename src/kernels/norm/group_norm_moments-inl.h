// Included by norm_highway.cc, once per target.

#include "kernels/elementwise/storage-inl.h"
#include "kernels/norm/norm_rows.h"
#include "kernels/quantize/quantized-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// A u8 that no float is paired with: of the two orders, the one that is faster.
using LoneU8 = PairedU8<Bf16>;

/// Channels whose sums are held at a time: they stay in the L1 cache.
constexpr size_t kChannelBlock = 512;
/// Pixels that meet the sums of some channels while these are in registers. Few enough that their
/// rows are read side by side, each from front to back.
constexpr size_t kMomentsBand = 8;

/// A rectangle of one source: [pixels, channels].
template <class T>
struct Rectangle {
  const T* src;
  size_t ld;
  size_t pixels;
  size_t channels;
};

/// Per channel, over the pixels of a chunk: sums of d and d*d, d = x - pivot, pivot = x of the
/// first pixel. With such a shift the sum of squares is at most `pixels` times the squared
/// deviation from the mean, so subtracting the squared sum later cancels no more than a factor of
/// the chunk's size.
struct ShiftedSums {
  HWY_ALIGN float pivot[kChannelBlock];
  HWY_ALIGN float sum[kChannelBlock];
  HWY_ALIGN float square[kChannelBlock];
};

/// Per channel: the mean over a chunk and the sum of squared deviations from it.
struct ChannelMoments {
  HWY_ALIGN double mean[kChannelBlock];
  HWY_ALIGN double within[kChannelBlock];
};

/// The sums before any pixel. Arrays hold channels in the order of pairs.
template <class T>
HWY_INLINE void start_sums(const Rectangle<T>& x, ShiftedSums& sums) {
  const D d;
  const Pair<V> zero = {hn::Zero(d), hn::Zero(d)};
  for_steps(d, x.channels, [&](size_t c, auto step) HWY_ATTR {
    store_pair(step.load(d, x.src + c), d, sums.pivot + c);
    store_pair(zero, d, sums.sum + c);
    store_pair(zero, d, sums.square + c);
  });
}

/// Adds pixels [first, first + count).
template <class T>
HWY_INLINE void sum_band(const Rectangle<T>& x, size_t first, size_t count, ShiftedSums& sums) {
  const D d;
  const T* rows = x.src + first * x.ld;
  for_steps(d, x.channels, [&](size_t c, auto step) HWY_ATTR {
    const Pair<V> pivot = load_pair(d, sums.pivot + c);
    Pair<V> sum = load_pair(d, sums.sum + c);
    Pair<V> square = load_pair(d, sums.square + c);
    for (size_t p = 0; p < count; ++p) {
      const Pair<V> v = step.load(d, rows + p * x.ld + c);
      const V a = hn::Sub(v.a, pivot.a);
      const V b = hn::Sub(v.b, pivot.b);
      sum = {hn::Add(sum.a, a), hn::Add(sum.b, b)};
      square = {hn::MulAdd(a, a, square.a), hn::MulAdd(b, b, square.b)};
    }
    store_pair(sum, d, sums.sum + c);
    store_pair(square, d, sums.square + c);
  });
}

/// From the order of pairs of Ts to that of memory.
template <class T>
HWY_INLINE void sort_channels(size_t channels, float* values) {
  const D d;
  for (size_t c = 0; c < channels; c += 2 * hn::Lanes(d)) {
    store_pair_in_order<T>(load_pair(d, values + c), d, values + c);
  }
}

/// x.channels <= kChannelBlock
template <class T>
void channel_moments(const Rectangle<T>& x, ChannelMoments& moments) {
  ShiftedSums sums;
  start_sums(x, sums);
  size_t p = 0;
  for (; p + kMomentsBand <= x.pixels; p += kMomentsBand) sum_band(x, p, kMomentsBand, sums);
  if (p < x.pixels) sum_band(x, p, x.pixels - p, sums);
  using Order = PairOrder<T>;
  if constexpr (!std::is_same_v<Order, float>) {
    sort_channels<Order>(x.channels, sums.pivot);
    sort_channels<Order>(x.channels, sums.sum);
    sort_channels<Order>(x.channels, sums.square);
  }
  const double pixels = static_cast<double>(x.pixels);
  for (size_t c = 0; c < x.channels; ++c) {
    const double sum = sums.sum[c];
    const double shift = sum / pixels;
    moments.mean[c] = static_cast<double>(sums.pivot[c]) + shift;
    moments.within[c] = static_cast<double>(sums.square[c]) - sum * shift;
  }
}

/// Moments of u8 -> moments of the values they stand for. (The sums of u8 were exact: 64 squares of
/// 255 are less than 2^24.)
inline void scale_moments(const float* scale, int zero_point, size_t channels,
                          ChannelMoments& moments) {
  for (size_t c = 0; c < channels; ++c) {
    const double factor = scale[c];
    moments.mean[c] = (moments.mean[c] - zero_point) * factor;
    moments.within[c] *= factor * factor;
  }
}

/// Collects one chunk's channels, in order, into the moments of their groups.
class GroupMomentsBuilder {
 public:
  /// `moments`: [groups], written group by group. `pixels`: of the chunk, >= 1.
  GroupMomentsBuilder(size_t group_size, size_t pixels, GroupMoments* moments)
      : group_size_(group_size), pixels_(static_cast<double>(pixels)), moments_(moments) {}

  void add(const ChannelMoments& channels, size_t count) {
    for (size_t c = 0; c < count;) {
      const size_t part = HWY_MIN(count - c, group_size_ - seen_);
      add_to_group(channels.mean + c, channels.within + c, part);
      c += part;
    }
  }

 private:
  /// The next `count` channels of the group that is being collected.
  void add_to_group(const double* mean, const double* within, size_t count) {
    if (seen_ == 0) first_mean_ = mean[0];
    for (size_t c = 0; c < count; ++c) {
      const double offset = mean[c] - first_mean_;
      within_ += within[c];
      offsets_ += offset;
      squared_offsets_ += offset * offset;
    }
    seen_ += count;
    if (seen_ == group_size_) finish_group();
  }

  void finish_group() {
    const double size = static_cast<double>(group_size_);
    const double between = squared_offsets_ - offsets_ * offsets_ / size;
    *moments_++ = {first_mean_ + offsets_ / size, within_ + pixels_ * between};
    seen_ = 0;
    within_ = offsets_ = squared_offsets_ = 0.0;
  }

  size_t group_size_;
  double pixels_;
  GroupMoments* moments_;
  size_t seen_ = 0;
  double first_mean_ = 0.0;
  double within_ = 0.0;
  double offsets_ = 0.0;
  double squared_offsets_ = 0.0;
};

/// Adds all channels of a source to the groups.
template <class T>
void add_source(const GroupNorm& norm, const Rectangle<T>& x, GroupMomentsBuilder& builder) {
  ChannelMoments moments;
  for (size_t c0 = 0; c0 < x.channels; c0 += kChannelBlock) {
    const size_t channels = HWY_MIN(x.channels - c0, kChannelBlock);
    channel_moments(Rectangle<T>{x.src + c0, x.ld, x.pixels, channels}, moments);
    if constexpr (kIsU8<T>) {
      scale_moments(norm.src_scale + c0, norm.src_zero_point, channels, moments);
    }
    builder.add(moments, channels);
  }
}

template <class T>
void moments_of_chunks(const GroupNorm& norm, size_t chunk0, size_t chunk1, GroupMoments* moments) {
  for (size_t chunk = chunk0; chunk < chunk1; ++chunk) {
    const size_t first = chunk * kGroupNormChunk;
    const size_t pixels = HWY_MIN(norm.pixels - first, kGroupNormChunk);
    GroupMomentsBuilder builder(norm.channels / norm.groups, pixels, moments + chunk * norm.groups);
    const T* src = static_cast<const T*>(norm.src) + first * norm.ld_src;
    add_source<T>(norm, {src, norm.ld_src, pixels, norm.channels - norm.channels2}, builder);
    if (norm.src2 == nullptr) continue;
    const T* src2 = static_cast<const T*>(norm.src2) + first * norm.ld_src2;
    add_source<T>(norm, {src2, norm.ld_src2, pixels, norm.channels2}, builder);
  }
}

template <class T>
void group_norm_moments(const GroupNorm& norm, size_t chunk0, size_t chunk1,
                        GroupMoments* moments) noexcept {
  if (norm.src_u8) return moments_of_chunks<LoneU8>(norm, chunk0, chunk1, moments);
  moments_of_chunks<T>(norm, chunk0, chunk1, moments);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
