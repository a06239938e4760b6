// Included by norm_highway.cc, once per target, after norm_results-inl.h.

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
template <class Src>
struct Rows {
  const Src* src;
  size_t ld;
  size_t count;
  const float* scale = nullptr;  // of u8
  float zero_point = 0.0f;

  /// A pair of values of row r.
  template <class Step>
  HWY_INLINE Pair<V> load(Step step, size_t r, size_t c) const {
    const D d;
    const Pair<V> x = step.load(d, src + r * ld + c);
    if constexpr (kIsU8<Src>) {
      const V zero = hn::Set(d, zero_point);
      const Pair<V> factor = step.template load_for<PairOrder<Src>>(d, scale + c);
      return {hn::Mul(hn::Sub(x.a, zero), factor.a), hn::Mul(hn::Sub(x.b, zero), factor.b)};
    } else {
      return x;
    }
  }
  HWY_INLINE float first(size_t r) const {
    if constexpr (kIsU8<Src>) {
      return (static_cast<float>(src[r * ld].bits) - zero_point) * scale[0];
    } else {
      return to_f32(src[r * ld]);
    }
  }
  /// Row r from element c on, `columns` of it.
  HWY_INLINE Rows part(size_t r, size_t c, size_t columns) const {
    return {src + r * ld + c, ld, columns, kIsU8<Src> ? scale + c : nullptr, zero_point};
  }
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
    const bool swap = std::is_same_v<PairOrder<T>, float> && rows.count - c < hn::Lanes(d);
    for (size_t r = 0; r < kRows; ++r) {
      const Pair<V> x = rows.load(step, r, c);
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
      const Pair<V> x = rows.load(step, r, c);
      const Pair<V> delta = step.template zero_others<PairOrder<T>>(
          d, Pair<V>{hn::Sub(x.a, guess[r]), hn::Sub(x.b, guess[r])});
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
  if constexpr (std::is_same_v<PairOrder<T>, float>) {
    row_sums<kRows>(rows, guesses);
    for (size_t r = 0; r < kRows; ++r) guesses[r] *= 1.0f / static_cast<float>(rows.count);
  } else {
    for (size_t r = 0; r < kRows; ++r) guesses[r] = rows.first(r);
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

template <class Dst>
using LayerStore = ResultStore<FixedActivation<Activation::none>, Dst>;

/// A part of one row, `map` (gamma, beta) being of its channels. Fetches the elements `ahead` of
/// it, which are read next: the sums come in bursts that caches do not see coming.
template <class Src, class Dst>
HWY_INLINE void normalize_row(const Rows<Src>& row, Dst* dst, size_t ahead,
                              const RowStatistics& statistics, const ChannelMap& map,
                              const LayerStore<Dst>& store) {
  const D d;
  const V mean = hn::Set(d, statistics.mean);
  const V rstd = hn::Set(d, statistics.rstd);
  for_steps(d, row.count, [&](size_t c, auto step) HWY_ATTR {
    hwy::Prefetch(row.src + ahead + c);
    const Pair<V> x = row.load(step, 0, c);
    const Pair<V> gamma = load_pair(d, map.scale + c);
    const Pair<V> beta = load_pair(d, map.shift + c);
    const V a = normalized(x.a, mean, rstd, gamma.a, beta.a);
    const V b = normalized(x.b, mean, rstd, gamma.b, beta.b);
    store(step, Pair<V>{a, b}, map.inverse_scale + c, dst + c);
  });
}

/// gamma, beta and what else there is of the block of channels from c0 on.
template <class Dst>
HWY_INLINE void load_block(const LayerNorm& norm, size_t c0, ChannelMap& map) {
  using Order = PairOrder<Dst>;
  const size_t channels = HWY_MIN(norm.channels - c0, kMapBlock);
  load_map<Order>(norm.gamma != nullptr ? norm.gamma + c0 : nullptr,
                  norm.beta != nullptr ? norm.beta + c0 : nullptr, channels, map);
  if constexpr (kIsU8<Dst>) {
    LayerStore<Dst>::prepare(norm.dst_inverse_scale + c0, channels, map);
  }
}

/// kRows rows from `row` on. `map`: gamma and beta of all channels, if they are one block.
template <size_t kRows, class Src, class Dst>
void layer_norm_rows(const LayerNorm& norm, size_t row, ChannelMap& map) {
  const Rows<Src> rows{static_cast<const Src*>(norm.src) + row * norm.ld_src, norm.ld_src,
                       norm.channels, norm.src_scale, static_cast<float>(norm.src_zero_point)};
  Dst* dst = static_cast<Dst*>(norm.dst) + row * norm.ld_dst;
  const LayerStore<Dst> store(Activation::none, norm.dst_zero_point);
  RowStatistics statistics[kRows];
  row_statistics_of<kRows>(rows, norm.eps, statistics);
  for (size_t c0 = 0; c0 < norm.channels; c0 += kMapBlock) {
    const size_t channels = HWY_MIN(norm.channels - c0, kMapBlock);
    if (norm.channels > kMapBlock) load_block<Dst>(norm, c0, map);
    for (size_t r = 0; r < kRows; ++r) {
      normalize_row(rows.part(r, c0, channels), dst + r * norm.ld_dst + c0, kRows * norm.ld_src,
                    statistics[r], map, store);
    }
  }
}

template <class Src, class Dst>
void layer_norm_from(const LayerNorm& norm, size_t row0, size_t row1) {
  ChannelMap map;
  load_block<Dst>(norm, 0, map);
  size_t r = row0;
  constexpr size_t step = kLayerRows<PairOrder<Src>>;
  for (; r + step <= row1; r += step) layer_norm_rows<step, Src, Dst>(norm, r, map);
  for (; r < row1; ++r) layer_norm_rows<1, Src, Dst>(norm, r, map);
}

template <class T>
void layer_norm(const LayerNorm& norm, size_t row0, size_t row1) noexcept {
  const auto run =
      norm.src_u8
          ? (norm.dst_u8 ? layer_norm_from<LoneU8, LoneU8> : layer_norm_from<PairedU8<T>, T>)
          : (norm.dst_u8 ? layer_norm_from<T, PairedU8<T>> : layer_norm_from<T, T>);
  run(norm, row0, row1);
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
