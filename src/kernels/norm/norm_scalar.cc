#include <cmath>

#include "kernels/activation.h"
#include "kernels/elementwise/storage.h"
#include "kernels/norm/norm_rows.h"
#include "kernels/quantize/quantized.h"

namespace edgefusion::kernels {
namespace {

/// A pixel's channels, which may lie in two places or be u8.
template <class T>
class Pixel {
 public:
  Pixel(const GroupNorm& norm, size_t p) : norm_(norm), p_(p) {}

  double operator[](size_t c) const {
    const size_t i = p_ * norm_.ld_src + c;
    if (norm_.src_u8) {
      const uint8_t q = static_cast<const uint8_t*>(norm_.src)[i];
      return dequantized(q, norm_.src_zero_point, norm_.src_scale[c]);
    }
    const size_t border = norm_.channels - norm_.channels2;
    if (c < border) return to_f32(static_cast<const T*>(norm_.src)[i]);
    return to_f32(static_cast<const T*>(norm_.src2)[p_ * norm_.ld_src2 + c - border]);
  }

 private:
  const GroupNorm& norm_;
  size_t p_;
};

/// Stores channel c of row r of a norm's result.
template <class T, class Norm>
void store_result(const Norm& norm, size_t r, size_t c, float y) {
  const size_t i = r * norm.ld_dst + c;
  if (norm.dst_u8) {
    static_cast<uint8_t*>(norm.dst)[i] =
        quantized(y * norm.dst_inverse_scale[c], norm.dst_zero_point);
  } else {
    store_rounded(y, static_cast<T*>(norm.dst)[i]);
  }
}

/// Mean and squared deviations of channels [c0, c1) of pixels [p0, p1); pixel(p)[c] is an element.
template <class F>
GroupMoments rectangle_moments(size_t p0, size_t p1, size_t c0, size_t c1, F pixel) {
  double sum = 0.0;
  for (size_t p = p0; p < p1; ++p) {
    for (size_t c = c0; c < c1; ++c) sum += pixel(p)[c];
  }
  const double mean = sum / static_cast<double>((p1 - p0) * (c1 - c0));
  double m2 = 0.0;
  for (size_t p = p0; p < p1; ++p) {
    for (size_t c = c0; c < c1; ++c) {
      const double delta = pixel(p)[c] - mean;
      m2 += delta * delta;
    }
  }
  return {mean, m2};
}

template <class T>
void group_norm_moments(const GroupNorm& norm, size_t chunk0, size_t chunk1,
                        GroupMoments* moments) noexcept {
  const size_t group_size = norm.channels / norm.groups;
  for (size_t chunk = chunk0; chunk < chunk1; ++chunk) {
    const size_t first = chunk * kGroupNormChunk;
    const size_t left = norm.pixels - first;
    const size_t end = first + (left < kGroupNormChunk ? left : kGroupNormChunk);
    for (size_t group = 0; group < norm.groups; ++group) {
      moments[chunk * norm.groups + group] =
          rectangle_moments(first, end, group * group_size, (group + 1) * group_size,
                            [&](size_t p) { return Pixel<T>(norm, p); });
    }
  }
}

template <class T>
void group_norm_apply(const GroupNorm& norm, const float* scale, const float* shift, size_t pixel0,
                      size_t pixel1) noexcept {
  for (size_t p = pixel0; p < pixel1; ++p) {
    const Pixel<T> pixel(norm, p);
    for (size_t c = 0; c < norm.channels; ++c) {
      // One rounding, as a fused multiply-add: the two terms nearly cancel if the mean is large.
      const double y = pixel[c] * scale[c] + shift[c];
      store_result<T>(norm, p, c, activate(norm.activation, static_cast<float>(y)));
    }
  }
}

template <class T>
void layer_norm(const LayerNorm& norm, size_t row0, size_t row1) noexcept {
  GroupNorm row;  // one pixel of one group
  row.channels = norm.channels;
  row.ld_src = norm.ld_src;
  row.src = norm.src;
  row.src_u8 = norm.src_u8;
  row.src_scale = norm.src_scale;
  row.src_zero_point = norm.src_zero_point;
  for (size_t r = row0; r < row1; ++r) {
    const Pixel<T> x(row, r);
    const GroupMoments moments =
        rectangle_moments(0, 1, 0, norm.channels, [&](size_t) { return x; });
    const double variance = moments.m2 / static_cast<double>(norm.channels);
    const double rstd = 1.0 / std::sqrt(variance + static_cast<double>(norm.eps));
    for (size_t c = 0; c < norm.channels; ++c) {
      const double gamma = norm.gamma != nullptr ? norm.gamma[c] : 1.0;
      const double beta = norm.beta != nullptr ? norm.beta[c] : 0.0;
      const double y = (x[c] - moments.mean) * rstd * gamma + beta;
      store_result<T>(norm, r, c, static_cast<float>(y));
    }
  }
}

template <class T>
NormFunctions functions() {
  return {group_norm_moments<T>, group_norm_apply<T>, layer_norm<T>};
}

}  // namespace

NormFunctions norm_functions_scalar(DType dtype) {
  return dtype == DType::bf16 ? functions<Bf16>() : functions<float>();
}

}  // namespace edgefusion::kernels
