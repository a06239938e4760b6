// How near int8 Winograd is to floats.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/int8/winograd_int8_test_data.h"
#include "kernels/matrix/int8/winograd_int8_test_reference.h"

namespace edgefusion::kernels {
namespace {

TEST(WinogradInt8Accuracy, ValuesOfU8PixelsAreTheNearestOnes) {
  for (const float inverse_scale : {0.1245f, 0.3f, 0.77f, 0.9999f}) {
    const int multiplier = WinogradInt8Reference::multiplier(inverse_scale);
    for (int v = -1020; v <= 1020; ++v) {
      const double exact = static_cast<double>(inverse_scale) * v;
      if (std::abs(exact) > 127) continue;
      const double q = std::floor(static_cast<double>(v * multiplier) / 32768 + 0.5);
      EXPECT_LE(std::abs(q - exact), 0.5 + 1020 * 0x1p-16) << v;
    }
  }
}

/// Gaussian pixels and weights, quantised by their largest values, positions by theirs.
struct GaussianLayer {
  WinogradInt8Inputs in;
  std::vector<float> pixels, weights;

  explicit GaussianLayer(DType src) : in({.shape = conv3x3(16, 16, 64, 32), .src = src}) {
    const ConvShape& s = in.p.shape;
    std::mt19937 bits(1);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < s.pixels() * s.channels; ++i) pixels.push_back(normal(bits));
    for (size_t i = 0; i < in.weights.size(); ++i) weights.push_back(normal(bits) / 24);
    const float scale = largest(pixels) / 127;
    in.p.zero_point = 128;
    std::ranges::fill(in.inverse_scale, 1 / scale);
    for (int64_t i = 0; i < s.pixels() * s.channels; ++i) {
      const auto to = size(i / s.channels * in.src_stride + i % s.channels);
      in.src[to] = f32_to_bf16(pixels[size(i)]);
      in.src_u8[to] = static_cast<uint8_t>(128 + std::nearbyint(pixels[size(i)] / scale));
    }
    const float weight_scale = largest(weights) / 127;
    std::ranges::fill(in.weight_scales, weight_scale * scale);
    for (size_t i = 0; i < weights.size(); ++i) {
      in.weights[i] = static_cast<int8_t>(std::nearbyint(weights[i] / weight_scale));
    }
    std::ranges::fill(in.bias, 0.0f);
    set_position_scales();
  }

  static float largest(const std::vector<float>& values) {
    return std::abs(*std::ranges::max_element(values, {}, [](float v) { return std::abs(v); }));
  }

  float pixel(int64_t y, int64_t x, int64_t i) const {
    const ConvShape& s = in.p.shape;
    if (y < 0 || y >= s.height || x < 0 || x >= s.width) return 0;
    return pixels[size((y * s.width + x) * s.channels + i)];
  }

  void set_position_scales() {
    const ConvShape& s = in.p.shape;
    Patch<float> most = {};
    for (int64_t t = 0; t < s.pixels() / 4; ++t) {
      for (int64_t i = 0; i < s.channels; ++i) {
        Patch<float> d;
        for (int64_t p = 0; p < 16; ++p) {
          d[size(p / 4)][size(p % 4)] =
              pixel(t / (s.width / 2) * 2 + p / 4 - 1, t % (s.width / 2) * 2 + p % 4 - 1, i) *
              in.inverse_scale[0];
        }
        d = transformed_patch(d);
        for (size_t p = 0; p < 16; ++p) {
          most[p / 4][p % 4] = std::max(most[p / 4][p % 4], std::abs(d[p / 4][p % 4]));
        }
      }
    }
    for (size_t p = 0; p < 16; ++p) in.position_inverse_scale[p] = 127 / most[p / 4][p % 4];
  }

  double exact(int64_t pixel_index, int64_t o) const {
    const ConvShape& s = in.p.shape;
    double sum = 0;
    for (int64_t t = 0; t < 9; ++t) {
      const int64_t y = pixel_index / s.width + t / 3 - 1, x = pixel_index % s.width + t % 3 - 1;
      for (int64_t i = 0; i < s.channels; ++i) {
        sum += static_cast<double>(pixel(y, x, i)) *
               static_cast<double>(weights[size((o * s.channels + i) * 9 + t)]);
      }
    }
    return sum;
  }
};

TEST(WinogradInt8Accuracy, ResultsAreWithin30DecibelsOfTheFloatConvolution) {
  for (const DType src : {DType::u8, DType::bf16}) {
    const GaussianLayer layer(src);
    const ConvShape& s = layer.in.p.shape;
    const Int8MatrixRow& row = select_int8_matrix(test_isa(), s, Int8Method::winograd);
    const std::vector<uint8_t> dst = run(row, layer.in, {whole(row, layer.in.p)});
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < s.pixels() * s.outputs; ++i) {
      const double exact = layer.exact(i / s.outputs, i % s.outputs);
      float found;
      std::memcpy(
          &found,
          dst.data() + size(i / s.outputs * layer.in.dst_stride + i % s.outputs) * sizeof(found),
          sizeof(found));
      signal += exact * exact;
      noise += (static_cast<double>(found) - exact) * (static_cast<double>(found) - exact);
    }
    EXPECT_GT(10 * std::log10(signal / noise), 30) << (src == DType::u8 ? "u8" : "bf16");
  }
}

}  // namespace
}  // namespace edgefusion::kernels
