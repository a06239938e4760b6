// Included by norm_highway.cc, once per target, after group_norm_apply-inl.h.

#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {

/// Rows summed side by side, so that their sums do not wait for each other; few, so that what is
/// not in the caches is still read from front to back.
template <class T>
constexpr size_t kLayerRows = 8 / sizeof(T);

/// Some rows, ld apart, of `count` elements.
template <class T>
struct Rows {
  const T* src;
  size_t ld;
  size_t count;
};

/// sums[r] = sum of row r.
template <size_t kRows, class T>
HWY_INLINE void row_sums(const Rows<T>& rows, float* sums) {
  const D d;
  V a[kRows];
  V b[kRows];
  for (size_t r = 0; r < kRows; ++r) a[r] = b[r] = hn::Zero(d);
  for_steps(d, rows.count, [&](size_t c, auto step) HWY_ATTR {
    // A lone part of a vector of floats joins the second sum; nothing depends on it but the bits.
    const bool swap = std::is_same_v<T, float> && rows.count - c < hn::Lanes(d);
    for (size_t r = 0; r < kRows; ++r) {
      const Pair<V> x = step.load(d, rows.src + r * rows.ld + c);
      a[r] = hn::Add(a[r], swap ? x.b : x.a);
      b[r] = hn::Add(b[r], swap ? x.a : x.b);
    }
  });
  for (size_t r = 0; r < kRows; ++r) sums[r] = hn::GetLane(hn::SumOfLanes(d, hn::Add(a[r], b[r])));
}

/// The sums of row r's deviations from guesses[r], and of their squares.
template <size_t kRows, class T>
HWY_INLINE void row_deviations(const Rows<T>& rows, const float* guesses, float* sums,
                               float* squares) {
  const D d;
  V guess[kRows];
  V sum[kRows];
  V square[kRows];
  for (size_t r = 0; r < kRows; ++r) {
    guess[r] = hn::Set(d, guesses[r]);
    sum[r] = square[r] = hn::Zero(d);
  }
  for_steps(d, rows.count, [&](size_t c, auto step) HWY_ATTR {
    for (size_t r = 0; r < kRows; ++r) {
      const Pair<V> x = step.load(d, rows.src + r * rows.ld + c);
      const Pair<V> delta =
          step.template zero_others<T>(d, Pair<V>{hn::Sub(x.a, guess[r]), hn::Sub(x.b, guess[r])});
      sum[r] = hn::Add(hn::Add(sum[r], delta.a), delta.b);
      square[r] = hn::MulAdd(delta.a, delta.a, square[r]);
      square[r] = hn::MulAdd(delta.b, delta.b, square[r]);
    }
  });
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = hn::GetLane(hn::SumOfLanes(d, sum[r]));
    squares[r] = hn::GetLane(hn::SumOfLanes(d, square[r]));
  }
}

/// A number near the mean of row r. No element is further from the mean than sqrt(count)
/// deviations, so subtracting the square of what the first one is off may cost the variance count *
/// 2^-24 of its value a few times over: nothing beside bf16, but too much beside f32.
template <size_t kRows, class T>
HWY_INLINE void guess_means(const Rows<T>& rows, float* guesses) {
  if constexpr (std::is_same_v<T, float>) {
    row_sums<kRows>(rows, guesses);
    for (size_t r = 0; r < kRows; ++r) guesses[r] *= 1.0f / static_cast<float>(rows.count);
  } else {
    for (size_t r = 0; r < kRows; ++r) guesses[r] = to_f32(rows.src[r * rows.ld]);
  }
}

template <size_t kRows, class T>
HWY_INLINE void row_statistics_of(const Rows<T>& rows, float eps, RowStatistics* statistics) {
  const float inverse = 1.0f / static_cast<float>(rows.count);
  float guesses[kRows];
  float sums[kRows];
  float squares[kRows];
  guess_means<kRows>(rows, guesses);
  row_deviations<kRows>(rows, guesses, sums, squares);
  for (size_t r = 0; r < kRows; ++r) {
    statistics[r] = row_statistics(guesses[r], sums[r] * inverse, squares[r] * inverse, eps);
  }
}

/// (x - mean) * rstd * gamma + beta
HWY_INLINE V normalized(V x, V mean, V rstd, V gamma, V beta) {
  return hn::MulAdd(hn::Mul(hn::Sub(x, mean), rstd), gamma, beta);
}

/// The channels of a row that `map` (gamma, beta) is for. Fetches those `ahead` elements from it,
/// which are read next: the sums come in bursts that caches do not see coming.
template <class T>
HWY_INLINE void normalize_row(const T* src, T* dst, size_t channels, size_t ahead,
                              const RowStatistics& row, const ChannelMap& map) {
  const D d;
  const V mean = hn::Set(d, row.mean);
  const V rstd = hn::Set(d, row.rstd);
  for_steps(d, channels, [&](size_t c, auto step) HWY_ATTR {
    hwy::Prefetch(src + ahead + c);
    const Pair<V> x = step.load(d, src + c);
    const Pair<V> gamma = load_pair(d, map.scale + c);
    const Pair<V> beta = load_pair(d, map.shift + c);
    const V a = normalized(x.a, mean, rstd, gamma.a, beta.a);
    const V b = normalized(x.b, mean, rstd, gamma.b, beta.b);
    step.store(Pair<V>{a, b}, d, dst + c);
  });
}

/// gamma and beta of the block of channels from c0 on.
template <class T>
HWY_INLINE void load_block(const LayerNorm& norm, size_t c0, ChannelMap& map) {
  load_map<T>(norm.gamma != nullptr ? norm.gamma + c0 : nullptr,
              norm.beta != nullptr ? norm.beta + c0 : nullptr,
              HWY_MIN(norm.channels - c0, kMapBlock), map);
}

/// kRows rows from `row` on. `map`: gamma and beta of all channels, if they are one block.
template <size_t kRows, class T>
void layer_norm_rows(const LayerNorm& norm, size_t row, ChannelMap& map) {
  const T* src = static_cast<const T*>(norm.src) + row * norm.ld_src;
  T* dst = static_cast<T*>(norm.dst) + row * norm.ld_dst;
  RowStatistics statistics[kRows];
  row_statistics_of<kRows>(Rows<T>{src, norm.ld_src, norm.channels}, norm.eps, statistics);
  for (size_t c0 = 0; c0 < norm.channels; c0 += kMapBlock) {
    const size_t channels = HWY_MIN(norm.channels - c0, kMapBlock);
    if (norm.channels > kMapBlock) load_block<T>(norm, c0, map);
    for (size_t r = 0; r < kRows; ++r) {
      normalize_row(src + r * norm.ld_src + c0, dst + r * norm.ld_dst + c0, channels,
                    kRows * norm.ld_src, statistics[r], map);
    }
  }
}

template <class T>
void layer_norm(const LayerNorm& norm, size_t row0, size_t row1) noexcept {
  ChannelMap map;
  load_block<T>(norm, 0, map);
  size_t r = row0;
  constexpr size_t step = kLayerRows<T>;
  for (; r + step <= row1; r += step) layer_norm_rows<step, T>(norm, r, map);
  for (; r < row1; ++r) layer_norm_rows<1, T>(norm, r, map);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
