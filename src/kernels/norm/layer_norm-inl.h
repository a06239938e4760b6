// Included by norm_highway.cc, once per target, after group_norm-inl.h.

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
#if !EF_HIGHWAY_IS_FALLBACK
namespace {

/// Sum of a row, in two chains of vectors.
template <class T>
HWY_INLINE float row_sum(const T* src, size_t count) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V a = hn::Zero(d);
  V b = hn::Zero(d);
  size_t c = 0;
  for (; c + 2 * lanes <= count; c += 2 * lanes) {
    a = hn::Add(a, load_f32(d, src + c));
    b = hn::Add(b, load_f32(d, src + c + lanes));
  }
  for (; c + lanes <= count; c += lanes) a = hn::Add(a, load_f32(d, src + c));
  if (c < count) b = hn::Add(b, load_f32_some(d, src + c, count - c));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
}

struct Deviations {
  float sum;
  float square;
};

/// Sums of x - mean and of its square over a row.
template <class T>
HWY_INLINE Deviations row_deviations(const T* src, size_t count, float mean) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V center = hn::Set(d, mean);
  V sum = hn::Zero(d);
  V square = hn::Zero(d);
  size_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    const V delta = hn::Sub(load_f32(d, src + c), center);
    sum = hn::Add(sum, delta);
    square = hn::MulAdd(delta, delta, square);
  }
  if (c < count) {
    const V all = hn::Sub(load_f32_some(d, src + c, count - c), center);
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

template <class T>
void layer_norm_row(const LayerNorm& norm, const T* src, T* dst) {
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
    store_rounded(normalized(load_f32(d, src + c), mean, rstd, gamma, beta), d, dst + c);
  }
  const size_t rest = norm.channels - c;
  if (rest == 0) return;
  const V gamma = norm.gamma != nullptr ? load_some(d, norm.gamma + c, rest) : one;
  const V beta = norm.beta != nullptr ? load_some(d, norm.beta + c, rest) : zero;
  const V y = normalized(load_f32_some(d, src + c, rest), mean, rstd, gamma, beta);
  store_rounded_some(y, d, dst + c, rest);
}

template <class T>
void layer_norm(const LayerNorm& norm, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    layer_norm_row(norm, static_cast<const T*>(norm.src) + r * norm.ld_src,
                   static_cast<T*>(norm.dst) + r * norm.ld_dst);
  }
}

}  // namespace
#endif  // !EF_HIGHWAY_IS_FALLBACK
}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
