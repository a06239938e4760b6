#include "kernels/elementwise/rows.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace edgefusion::kernels {
namespace {

/// floor(index * in / out) as torch computes it: with the ratio rounded to f32 first, except for
/// doubling. The rounding shows: 3 -> 123 maps index 41 to 0, not to 1.
size_t nearest_index(size_t index, size_t in, size_t out) {
  if (in == out) return index;
  if (out == 2 * in) return index / 2;
  const float ratio = static_cast<float>(in) / static_cast<float>(out);
  const auto nearest = static_cast<size_t>(std::floor(static_cast<float>(index) * ratio));
  return nearest < in ? nearest : in - 1;
}

}  // namespace

void copy_rows(const CopyRows& args, size_t row0, size_t row1) noexcept {
  const auto* src = static_cast<const uint8_t*>(args.src);
  auto* dst = static_cast<uint8_t*>(args.dst);
  for (size_t r = row0; r < row1; ++r) {
    std::memcpy(dst + r * args.dst_stride_bytes, src + r * args.src_stride_bytes, args.row_bytes);
  }
}

void resize_nearest(const ResizeNearest& args, size_t line0, size_t line1) noexcept {
  const size_t bytes = args.pixel_bytes;
  for (size_t y = line0; y < line1; ++y) {
    const size_t src_y = nearest_index(y, args.src_height, args.dst_height);
    const auto* src = static_cast<const uint8_t*>(args.src) + src_y * args.src_width * bytes;
    auto* dst = static_cast<uint8_t*>(args.dst) + y * args.dst_width * bytes;
    for (size_t x = 0; x < args.dst_width; ++x) {
      const size_t src_x = nearest_index(x, args.src_width, args.dst_width);
      std::memcpy(dst + x * bytes, src + src_x * bytes, bytes);
    }
  }
}

void timestep_embedding(const TimestepEmbedding& args, float timestep, float* dst) noexcept {
  const size_t half = args.size / 2;
  const float denominator = static_cast<float>(half) - args.frequency_shift;
  // The logarithm in double and then one rounding, as the scalar of the reference meets its f32
  // vector.
  const auto slope = static_cast<float>(-std::log(static_cast<double>(args.max_period)));
  float* sines = args.cos_first ? dst + half : dst;
  float* cosines = args.cos_first ? dst : dst + half;
  for (size_t i = 0; i < half; ++i) {
    const float exponent = slope * static_cast<float>(i) / denominator;
    const float angle = args.scale * (timestep * std::exp(exponent));
    sines[i] = std::sin(angle);
    cosines[i] = std::cos(angle);
  }
  if (args.size % 2 != 0) dst[args.size - 1] = 0.0f;
}

}  // namespace edgefusion::kernels
