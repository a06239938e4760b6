#pragma once

// The contract of int8 Winograd, written plainly: the picture enlarged if it is to be, patches
// of 4.

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/matrix/int8/winograd_int8_test_data.h"

namespace edgefusion::kernels {

template <typename T>
using Patch = std::array<std::array<T, 4>, 4>;  // [y][x]

template <typename T>
Patch<T> transformed_patch(const Patch<T>& d) {
  Patch<T> columns, v;
  for (size_t x = 0; x < 4; ++x) {
    columns[0][x] = d[0][x] - d[2][x];
    columns[1][x] = d[1][x] + d[2][x];
    columns[2][x] = d[2][x] - d[1][x];
    columns[3][x] = d[1][x] - d[3][x];
  }
  for (size_t y = 0; y < 4; ++y) {
    v[y][0] = columns[y][0] - columns[y][2];
    v[y][1] = columns[y][1] + columns[y][2];
    v[y][2] = columns[y][2] - columns[y][1];
    v[y][3] = columns[y][1] - columns[y][3];
  }
  return v;
}

class WinogradInt8Reference {
 public:
  explicit WinogradInt8Reference(const WinogradInt8Inputs& in) : in_(in), s_(in.p.shape) {
    for (int64_t o = 0; o < s_.outputs; ++o) {
      for (int p = 0; p < 16; ++p) add_weights(o, p);
    }
  }

  /// Results before they are rounded, [pixel][output].
  std::vector<float> results() const {
    std::vector<float> results(size(s_.pixels() * s_.outputs));
    for (int64_t n = 0; n < s_.batch; ++n) {
      for (int64_t y = 0; y < s_.out_height(); y += 2) {
        for (int64_t x = 0; x < s_.out_width(); x += 2) {
          const std::vector<int> values = patch_values(n, y, x);
          for (int64_t o = 0; o < s_.outputs; ++o) add_tile(n, y, x, o, values, results);
        }
      }
    }
    return results;
  }

  float value_scale(int p) const {
    const float inverse = in_.position_inverse_scale[size(p)];
    return in_.p.src == DType::u8 ? 32768.0f / static_cast<float>(multiplier(inverse))
                                  : 1.0f / inverse;
  }

  static int multiplier(float inverse) {
    return static_cast<int>(std::clamp(std::nearbyint(inverse * 32768), 1.0f, 32767.0f));
  }

 private:
  void add_weights(int64_t o, int p) {
    constexpr double kG[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
    std::vector<float> u(size(s_.inputs()));
    float largest = 0;
    for (int64_t i = 0; i < s_.inputs(); ++i) {
      double sum = 0;
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) {
          sum += kG[p / 4][y] * in_.weights[size((o * s_.inputs() + i) * 9 + y * 3 + x)] *
                 kG[p % 4][x];
        }
      }
      u[size(i)] = static_cast<float>(sum);
      largest = std::max(largest, std::abs(u[size(i)]));
    }
    const float inverse = largest == 0 ? 0 : 127 / largest;
    for (const float value : u)
      weights_.push_back(static_cast<int>(std::nearbyint(value * inverse)));
    scales_.push_back(in_.weight_scales[size(o)] * (largest / 127));
  }

  /// Where a pixel of the (enlarged) picture begins, or -1 outside of it.
  int64_t pixel_at(int64_t n, int64_t y, int64_t x) const {
    if (y < 0 || y >= s_.in_height() || x < 0 || x >= s_.in_width()) return -1;
    const int64_t scale = s_.upsample2x ? 2 : 1;
    return (n * s_.height + y / scale) * s_.width + x / scale;
  }

  template <typename T>
  T element(const std::vector<T>& src, const std::vector<T>& src2, int64_t pixel, int64_t i) const {
    return i < s_.channels ? src[size(pixel * in_.src_stride + i)]
                           : src2[size(pixel * in_.src2_stride + i - s_.channels)];
  }

  /// Quantised values of the patch of the tile at output (y, x): [position][input].
  std::vector<int> patch_values(int64_t n, int64_t y, int64_t x) const {
    std::vector<int> values(size(16 * s_.inputs()));
    for (int64_t i = 0; i < s_.inputs(); ++i) {
      Patch<float> floats = {};
      Patch<int> ints = {};
      for (int p = 0; p < 16; ++p) {
        const int64_t pixel = pixel_at(n, y - s_.pad_top + p / 4, x - s_.pad_left + p % 4);
        if (pixel < 0) continue;
        floats[size(p / 4)][size(p % 4)] = bf16_to_f32(element(in_.src, in_.src2, pixel, i));
        ints[size(p / 4)][size(p % 4)] =
            element(in_.src_u8, in_.src2_u8, pixel, i) - in_.p.zero_point;
      }
      floats = transformed_patch(floats);
      ints = transformed_patch(ints);
      for (int p = 0; p < 16; ++p) {
        const auto py = size(p / 4), px = size(p % 4);
        values[size(p * s_.inputs() + i)] =
            in_.p.src == DType::u8 ? quantised(ints[py][px], p) : quantised(floats[py][px], i, p);
      }
    }
    return values;
  }

  int quantised(int v, int p) const {
    const double product = v * multiplier(in_.position_inverse_scale[size(p)]);
    return static_cast<int>(std::clamp(std::floor(product / 32768 + 0.5), -127.0, 127.0));
  }

  int quantised(float v, int64_t i, int p) const {
    const float t = v * in_.inverse_scale[size(i)];
    const float x = t * in_.position_inverse_scale[size(p)];
    return std::isnan(x) ? 0 : static_cast<int>(std::clamp(std::nearbyint(x), -127.0f, 127.0f));
  }

  void add_tile(int64_t n, int64_t y, int64_t x, int64_t o, const std::vector<int>& values,
                std::vector<float>& results) const {
    float s[4][4], columns[2][4], tile[2][2];
    for (int p = 0; p < 16; ++p) {
      int64_t sum = 0;
      for (int64_t i = 0; i < s_.inputs(); ++i) {
        sum += int64_t{values[size(p * s_.inputs() + i)]} *
               weights_[size((o * 16 + p) * s_.inputs() + i)];
      }
      const float scale = scales_[size(o * 16 + p)] * value_scale(p);
      s[p / 4][p % 4] = static_cast<float>(sum) * scale;
    }
    for (int c = 0; c < 4; ++c) {
      columns[0][c] = (s[0][c] + s[1][c]) + s[2][c];
      columns[1][c] = (s[1][c] - s[2][c]) - s[3][c];
    }
    for (int l = 0; l < 2; ++l) {
      tile[l][0] = (columns[l][0] + columns[l][1]) + columns[l][2];
      tile[l][1] = (columns[l][1] - columns[l][2]) - columns[l][3];
    }
    for (int64_t p = 0; p < 4; ++p) {
      if (y + p / 2 >= s_.out_height() || x + p % 2 >= s_.out_width()) continue;
      const int64_t pixel = (n * s_.out_height() + y + p / 2) * s_.out_width() + x + p % 2;
      results[size(pixel * s_.outputs + o)] = finished(tile[p / 2][p % 2], n, pixel, o);
    }
  }

  float finished(float sum, int64_t n, int64_t pixel, int64_t o) const {
    const WinogradInt8Problem& p = in_.p;
    float bias = in_.bias[size(o)];
    if (p.image_add) bias += in_.image_add[size(n * s_.outputs + o)];
    const float residual =
        p.residual ? bf16_to_f32(in_.residual[size(pixel * in_.residual_stride + o)]) : 0.0f;
    const auto activated = [&](float v) {
      return p.activation == Activation::relu ? std::max(v, 0.0f) : v;
    };
    if (!p.residual) return activated(sum + bias);
    if (p.after_residual) return activated(sum + bias + residual);
    return activated(sum + bias) + residual;
  }

  const WinogradInt8Inputs& in_;
  const ConvShape& s_;
  std::vector<int> weights_;   // [output][position][input]
  std::vector<float> scales_;  // [output][position]
};

}  // namespace edgefusion::kernels
