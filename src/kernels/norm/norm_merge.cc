#include <cmath>

#include "kernels/norm/norm_rows.h"

namespace edgefusion::kernels {
namespace {

size_t chunk_pixels(const GroupNorm& norm, size_t chunk) {
  const size_t first = chunk * kGroupNormChunk;
  return first + kGroupNormChunk <= norm.pixels ? kGroupNormChunk : norm.pixels - first;
}

/// Groups merged side by side: chunks are then read from front to back.
constexpr size_t kMergeGroups = 32;

/// Moments of `count` whole groups from `group` on: the mean of means, then deviations from it
/// (Chan et al. 1983).
void merge_chunks(const GroupNorm& norm, const GroupMoments* moments, size_t group, size_t count,
                  GroupMoments* whole) {
  const size_t chunks = group_norm_chunks(norm.pixels);
  const double pixels = static_cast<double>(norm.pixels);
  const size_t group_size = norm.channels / norm.groups;
  for (size_t g = 0; g < count; ++g) whole[g] = {0.0, 0.0};
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    const GroupMoments* part = moments + chunk * norm.groups + group;
    const double weight = static_cast<double>(chunk_pixels(norm, chunk));
    for (size_t g = 0; g < count; ++g) whole[g].mean += weight * part[g].mean;
  }
  for (size_t g = 0; g < count; ++g) whole[g].mean /= pixels;
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    const GroupMoments* part = moments + chunk * norm.groups + group;
    const double weight = static_cast<double>(chunk_pixels(norm, chunk) * group_size);
    for (size_t g = 0; g < count; ++g) {
      const double offset = part[g].mean - whole[g].mean;
      whole[g].m2 += part[g].m2 + weight * offset * offset;
    }
  }
}

double reciprocal_root(double variance, float eps) {
  // Rounding can leave a variance of zero slightly negative; NaN passes.
  return 1.0 / std::sqrt((variance < 0.0 ? 0.0 : variance) + static_cast<double>(eps));
}

/// scale and shift of the channels of one group.
void affine_of_group(const GroupNorm& norm, const GroupMoments& whole, size_t group, float* scale,
                     float* shift) {
  const size_t group_size = norm.channels / norm.groups;
  const double count = static_cast<double>(norm.pixels) * static_cast<double>(group_size);
  const double rstd = reciprocal_root(whole.m2 / count, norm.eps);
  for (size_t c = group * group_size; c < (group + 1) * group_size; ++c) {
    const double gamma = norm.gamma != nullptr ? norm.gamma[c] : 1.0;
    const double beta = norm.beta != nullptr ? norm.beta[c] : 0.0;
    scale[c] = static_cast<float>(rstd * gamma);
    // With the rounded scale, so that its rounding error is not multiplied by the mean.
    shift[c] = static_cast<float>(beta - whole.mean * static_cast<double>(scale[c]));
  }
}

}  // namespace

void group_norm_merge(const GroupNorm& norm, const GroupMoments* moments, float* scale,
                      float* shift) noexcept {
  GroupMoments whole[kMergeGroups];
  for (size_t group = 0; group < norm.groups; group += kMergeGroups) {
    const size_t left = norm.groups - group;
    const size_t count = left < kMergeGroups ? left : kMergeGroups;
    merge_chunks(norm, moments, group, count, whole);
    for (size_t g = 0; g < count; ++g) affine_of_group(norm, whole[g], group + g, scale, shift);
  }
}

RowStatistics row_statistics(float guess, float mean_deviation, float mean_square, float eps) {
  const double deviation = mean_deviation;
  const double variance = static_cast<double>(mean_square) - deviation * deviation;
  return {static_cast<float>(static_cast<double>(guess) + deviation),
          static_cast<float>(reciprocal_root(variance, eps))};
}

}  // namespace edgefusion::kernels
