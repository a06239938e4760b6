#include "kernels/highway_dispatch.h"
#include "kernels/norm/norm_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/norm_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/elementwise/activation-inl.h"
#include "kernels/elementwise/vector_tail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// Channels whose sums are held at a time: four vectors of the widest kind.
constexpr size_t kChannelBlock = 64;

/// Per channel, over the pixels of a chunk: sums of d and d*d, d = x - (x of the first pixel).
/// With such a shift the sum of squares is at most `pixels` times the squared deviation from the
/// mean, so subtracting the squared sum later cancels no more than a factor of the chunk's size.
struct ShiftedSums {
  HWY_ALIGN float sum[kChannelBlock];
  HWY_ALIGN float square[kChannelBlock];
};

/// kVectors full vectors of channels from `src` on.
template <size_t kVectors>
HWY_INLINE void sum_channels(const float* src, size_t ld, size_t pixels, float* sum,
                             float* square) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V pivot[kVectors];
  V s[kVectors];
  V q[kVectors];
  for (size_t i = 0; i < kVectors; ++i) {
    pivot[i] = hn::LoadU(d, src + i * lanes);
    s[i] = hn::Zero(d);
    q[i] = hn::Zero(d);
  }
  for (size_t p = 1; p < pixels; ++p) {
    const float* row = src + p * ld;
    for (size_t i = 0; i < kVectors; ++i) {
      const V delta = hn::Sub(hn::LoadU(d, row + i * lanes), pivot[i]);
      s[i] = hn::Add(s[i], delta);
      q[i] = hn::MulAdd(delta, delta, q[i]);
    }
  }
  for (size_t i = 0; i < kVectors; ++i) {
    hn::Store(s[i], d, sum + i * lanes);
    hn::Store(q[i], d, square + i * lanes);
  }
}

/// The last channels of a row, fewer than a vector.
HWY_INLINE void sum_last_channels(const float* src, size_t ld, size_t pixels, size_t count,
                                  ShiftedSums& sums, size_t at) {
  const D d;
  const V pivot = load_some(d, src, count);
  V s = hn::Zero(d);
  V q = hn::Zero(d);
  for (size_t p = 1; p < pixels; ++p) {
    const V delta = hn::Sub(load_some(d, src + p * ld, count), pivot);
    s = hn::Add(s, delta);
    q = hn::MulAdd(delta, delta, q);
  }
  hn::Store(s, d, sums.sum + at);
  hn::Store(q, d, sums.square + at);
}

void sum_channel_block(const float* src, size_t ld, size_t pixels, size_t count,
                       ShiftedSums& sums) {
  const size_t lanes = hn::Lanes(D());
  size_t c = 0;
  for (; c + 4 * lanes <= count; c += 4 * lanes) {
    sum_channels<4>(src + c, ld, pixels, sums.sum + c, sums.square + c);
  }
  for (; c + lanes <= count; c += lanes) {
    sum_channels<1>(src + c, ld, pixels, sums.sum + c, sums.square + c);
  }
  if (c < count) sum_last_channels(src + c, ld, pixels, count - c, sums, c);
}

void chunk_moments(const GroupNorm& norm, size_t chunk, GroupMoments* moments) {
  const size_t first = chunk * kGroupNormChunk;
  const size_t pixels = HWY_MIN(norm.pixels - first, kGroupNormChunk);
  const float* src = norm.src + first * norm.ld_src;
  GroupMomentsBuilder builder(norm.channels / norm.groups, pixels, moments);
  ShiftedSums sums;
  for (size_t c0 = 0; c0 < norm.channels; c0 += kChannelBlock) {
    const size_t count = HWY_MIN(norm.channels - c0, kChannelBlock);
    sum_channel_block(src + c0, norm.ld_src, pixels, count, sums);
    for (size_t c = 0; c < count; ++c) {
      builder.add_channel(src[c0 + c], sums.sum[c], sums.square[c]);
    }
  }
}

void group_norm_moments(const GroupNorm& norm, size_t chunk0, size_t chunk1,
                        GroupMoments* moments) noexcept {
  for (size_t chunk = chunk0; chunk < chunk1; ++chunk) {
    chunk_moments(norm, chunk, moments + chunk * norm.groups);
  }
}

template <Activation kKind>
void apply_rows(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                size_t pixel1) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const Activate<kKind> activate{};
  for (size_t p = pixel0; p < pixel1; ++p) {
    const float* src = norm.src + p * norm.ld_src;
    float* dst = norm.dst + p * norm.ld_dst;
    size_t c = 0;
    for (; c + lanes <= norm.channels; c += lanes) {
      const V y =
          hn::MulAdd(hn::LoadU(d, src + c), hn::LoadU(d, scale + c), hn::LoadU(d, shift + c));
      hn::StoreU(activate(d, y), d, dst + c);
    }
    const size_t rest = norm.channels - c;
    if (rest == 0) continue;
    const V y = hn::MulAdd(load_some(d, src + c, rest), load_some(d, scale + c, rest),
                           load_some(d, shift + c, rest));
    store_some(activate(d, y), d, dst + c, rest);
  }
}

void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  using Apply = void (*)(const GroupNorm&, const float*, const float*, size_t, size_t);
  static constexpr Apply kApply[kActivationCount] = {
      apply_rows<Activation::none>,      apply_rows<Activation::relu>,
      apply_rows<Activation::silu>,      apply_rows<Activation::gelu>,
      apply_rows<Activation::gelu_tanh>, apply_rows<Activation::quick_gelu>,
      apply_rows<Activation::tanh>,      apply_rows<Activation::sigmoid>,
  };
  kApply[static_cast<size_t>(norm.activation)](norm, scale, shift, pixel0, pixel1);
}

/// Sum of a row, in two chains of vectors.
HWY_INLINE float row_sum(const float* src, size_t count) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V a = hn::Zero(d);
  V b = hn::Zero(d);
  size_t c = 0;
  for (; c + 2 * lanes <= count; c += 2 * lanes) {
    a = hn::Add(a, hn::LoadU(d, src + c));
    b = hn::Add(b, hn::LoadU(d, src + c + lanes));
  }
  for (; c + lanes <= count; c += lanes) a = hn::Add(a, hn::LoadU(d, src + c));
  if (c < count) b = hn::Add(b, load_some(d, src + c, count - c));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
}

struct Deviations {
  float sum;
  float square;
};

/// Sums of x - mean and of its square over a row.
HWY_INLINE Deviations row_deviations(const float* src, size_t count, float mean) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V center = hn::Set(d, mean);
  V sum = hn::Zero(d);
  V square = hn::Zero(d);
  size_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    const V delta = hn::Sub(hn::LoadU(d, src + c), center);
    sum = hn::Add(sum, delta);
    square = hn::MulAdd(delta, delta, square);
  }
  if (c < count) {
    const V all = hn::Sub(load_some(d, src + c, count - c), center);
    const V delta = hn::IfThenElseZero(hn::FirstN(d, count - c), all);
    sum = hn::Add(sum, delta);
    square = hn::MulAdd(delta, delta, square);
  }
  return {hn::GetLane(hn::SumOfLanes(d, sum)), hn::GetLane(hn::SumOfLanes(d, square))};
}

/// dst = (src - mean) * rstd * gamma + beta
HWY_INLINE V normalized(V x, V mean, V rstd, V gamma, V beta) {
  return hn::MulAdd(hn::Mul(hn::Sub(x, mean), rstd), gamma, beta);
}

void layer_norm_row(const LayerNorm& norm, const float* src, float* dst) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const float inverse = 1.0f / static_cast<float>(norm.channels);
  const float guess = row_sum(src, norm.channels) * inverse;
  const Deviations deviations = row_deviations(src, norm.channels, guess);
  const RowStatistics statistics =
      row_statistics(guess, deviations.sum * inverse, deviations.square * inverse, norm.eps);
  const V mean = hn::Set(d, statistics.mean);
  const V rstd = hn::Set(d, statistics.rstd);
  const V one = hn::Set(d, 1.0f);
  const V zero = hn::Zero(d);
  size_t c = 0;
  for (; c + lanes <= norm.channels; c += lanes) {
    const V gamma = norm.gamma != nullptr ? hn::LoadU(d, norm.gamma + c) : one;
    const V beta = norm.beta != nullptr ? hn::LoadU(d, norm.beta + c) : zero;
    hn::StoreU(normalized(hn::LoadU(d, src + c), mean, rstd, gamma, beta), d, dst + c);
  }
  const size_t rest = norm.channels - c;
  if (rest == 0) return;
  const V gamma = norm.gamma != nullptr ? load_some(d, norm.gamma + c, rest) : one;
  const V beta = norm.beta != nullptr ? load_some(d, norm.beta + c, rest) : zero;
  store_some(normalized(load_some(d, src + c, rest), mean, rstd, gamma, beta), d, dst + c, rest);
}

void layer_norm(const LayerNorm& norm, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    layer_norm_row(norm, norm.src + r * norm.ld_src, norm.dst + r * norm.ld_dst);
  }
}

}  // namespace

NormFunctions norm_functions() { return {group_norm_moments, group_norm_apply, layer_norm}; }
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<NormFunctions (*)()> norm_variants() {
  return EF_HIGHWAY_VARIANTS(NormFunctions(*)(), norm_functions);
}

}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
