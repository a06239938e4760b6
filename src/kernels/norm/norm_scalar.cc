#include <cmath>

#include "kernels/activation.h"
#include "kernels/norm/norm_rows.h"

namespace edgefusion::kernels {
namespace {

/// Mean and squared deviations of the rectangle [pixels, channels] at `src`.
GroupMoments rectangle_moments(const float* src, size_t ld, size_t pixels, size_t channels) {
  double sum = 0.0;
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < channels; ++c) sum += static_cast<double>(src[p * ld + c]);
  }
  const double mean = sum / static_cast<double>(pixels * channels);
  double m2 = 0.0;
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < channels; ++c) {
      const double delta = static_cast<double>(src[p * ld + c]) - mean;
      m2 += delta * delta;
    }
  }
  return {mean, m2};
}

void group_norm_moments(const GroupNorm& norm, size_t chunk0, size_t chunk1,
                        GroupMoments* moments) noexcept {
  const size_t group_size = norm.channels / norm.groups;
  for (size_t chunk = chunk0; chunk < chunk1; ++chunk) {
    const size_t first = chunk * kGroupNormChunk;
    const size_t left = norm.pixels - first;
    const size_t pixels = left < kGroupNormChunk ? left : kGroupNormChunk;
    for (size_t group = 0; group < norm.groups; ++group) {
      moments[chunk * norm.groups + group] = rectangle_moments(
          norm.src + first * norm.ld_src + group * group_size, norm.ld_src, pixels, group_size);
    }
  }
}

void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  for (size_t p = pixel0; p < pixel1; ++p) {
    for (size_t c = 0; c < norm.channels; ++c) {
      // One rounding, as a fused multiply-add: the two terms nearly cancel if the mean is large.
      const double y = static_cast<double>(norm.src[p * norm.ld_src + c]) * scale[c] + shift[c];
      norm.dst[p * norm.ld_dst + c] = activate(norm.activation, static_cast<float>(y));
    }
  }
}

void layer_norm(const LayerNorm& norm, size_t row0, size_t row1) noexcept {
  for (size_t r = row0; r < row1; ++r) {
    const float* src = norm.src + r * norm.ld_src;
    const GroupMoments moments = rectangle_moments(src, 0, 1, norm.channels);
    const double variance = moments.m2 / static_cast<double>(norm.channels);
    const double rstd = 1.0 / std::sqrt(variance + static_cast<double>(norm.eps));
    for (size_t c = 0; c < norm.channels; ++c) {
      const double gamma = norm.gamma != nullptr ? norm.gamma[c] : 1.0;
      const double beta = norm.beta != nullptr ? norm.beta[c] : 0.0;
      const double y = (static_cast<double>(src[c]) - moments.mean) * rstd * gamma + beta;
      norm.dst[r * norm.ld_dst + c] = static_cast<float>(y);
    }
  }
}

}  // namespace

NormFunctions norm_functions_scalar() { return {group_norm_moments, group_norm_apply, layer_norm}; }

}  // namespace edgefusion::kernels
