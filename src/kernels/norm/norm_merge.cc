#include <cmath>

#include "kernels/norm/norm_rows.h"

namespace edgefusion::kernels {
namespace {

size_t chunk_pixels(const GroupNorm& norm, size_t chunk) {
  const size_t first = chunk * kGroupNormChunk;
  return first + kGroupNormChunk <= norm.pixels ? kGroupNormChunk : norm.pixels - first;
}

/// Moments of a whole group: the mean of means, then deviations from it (Chan et al. 1983).
GroupMoments merge_chunks(const GroupNorm& norm, const GroupMoments* moments, size_t group) {
  const size_t chunks = group_norm_chunks(norm.pixels);
  double sum = 0.0;
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    const double weight = static_cast<double>(chunk_pixels(norm, chunk));
    sum += weight * moments[chunk * norm.groups + group].mean;
  }
  const double mean = sum / static_cast<double>(norm.pixels);
  const double group_size = static_cast<double>(norm.channels / norm.groups);
  double m2 = 0.0;
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    const GroupMoments& part = moments[chunk * norm.groups + group];
    const double weight = static_cast<double>(chunk_pixels(norm, chunk)) * group_size;
    m2 += part.m2 + weight * (part.mean - mean) * (part.mean - mean);
  }
  return {mean, m2};
}

double reciprocal_root(double variance, float eps) {
  // Rounding can leave a variance of zero slightly negative; NaN passes.
  return 1.0 / std::sqrt((variance < 0.0 ? 0.0 : variance) + static_cast<double>(eps));
}

}  // namespace

void group_norm_merge(const GroupNorm& norm, const GroupMoments* moments, float* scale,
                      float* shift) noexcept {
  const size_t group_size = norm.channels / norm.groups;
  const double count = static_cast<double>(norm.pixels) * static_cast<double>(group_size);
  for (size_t group = 0; group < norm.groups; ++group) {
    const GroupMoments whole = merge_chunks(norm, moments, group);
    const double rstd = reciprocal_root(whole.m2 / count, norm.eps);
    for (size_t c = group * group_size; c < (group + 1) * group_size; ++c) {
      const double gamma = norm.gamma != nullptr ? norm.gamma[c] : 1.0;
      const double beta = norm.beta != nullptr ? norm.beta[c] : 0.0;
      scale[c] = static_cast<float>(rstd * gamma);
      // With the rounded scale, so that its rounding error is not multiplied by the mean.
      shift[c] = static_cast<float>(beta - whole.mean * static_cast<double>(scale[c]));
    }
  }
}

RowStatistics row_statistics(float guess, float mean_deviation, float mean_square, float eps) {
  const double deviation = mean_deviation;
  const double variance = static_cast<double>(mean_square) - deviation * deviation;
  return {static_cast<float>(static_cast<double>(guess) + deviation),
          static_cast<float>(reciprocal_root(variance, eps))};
}

}  // namespace edgefusion::kernels
