#include "shards/square_picture.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/result.h"
#include "shards/picture.h"

namespace edgefusion::shards {
namespace {

constexpr int kChannels = 3;

/// Keys' cubic convolution kernel (Keys 1981), two pixels wide on each side.
float cubic(float x) {
  constexpr float a = -0.5f;
  x = std::abs(x);
  if (x < 1.0f) return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f;
  if (x < 2.0f) return (((x - 5.0f) * x + 8.0f) * x - 4.0f) * a;
  return 0.0f;
}

/// What one new pixel of a line is made of: old ones from `first` on, with these weights.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Taps> taps_of(int from, int to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const float widening = std::max(scale, 1.0f);
  const float reach = 2.0f * widening;
  std::vector<Taps> all(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const float center = scale * (static_cast<float>(i) + 0.5f);
    Taps& taps = all[static_cast<size_t>(i)];
    taps.first = std::max(static_cast<int>(center - reach + 0.5f), 0);
    const int end = std::min(static_cast<int>(center + reach + 0.5f), from);
    float sum = 0.0f;
    for (int j = taps.first; j < end; ++j) {
      taps.weights.push_back(cubic((static_cast<float>(j) - center + 0.5f) / widening));
      sum += taps.weights.back();
    }
    for (float& weight : taps.weights) weight /= sum;
  }
  return all;
}

/// A square out of an RGB picture, 0 to 255.
struct Square {
  int side = 0;
  std::vector<float> values;
};

Square square_of(const formats::Image& image, double position) {
  Square square{.side = std::min(image.width, image.height), .values = {}};
  const auto begin = [&](int extent) {
    return static_cast<int>(static_cast<double>(extent - square.side) * position);
  };
  const int top = begin(image.height), left = begin(image.width);
  for (int y = 0; y < square.side; ++y) {
    const auto row = image.pixels.begin() +
                     static_cast<int64_t>(top + y) * image.width * kChannels +
                     static_cast<int64_t>(left) * kChannels;
    square.values.insert(square.values.end(), row, row + int64_t{square.side} * kChannels);
  }
  return square;
}

/// Each row [from,3] -> [to,3].
std::vector<float> scaled_rows(const Square& square, const std::vector<Taps>& taps) {
  const size_t from = static_cast<size_t>(square.side) * kChannels;
  std::vector<float> result(static_cast<size_t>(square.side) * taps.size() * kChannels);
  auto out = result.begin();
  for (size_t y = 0; y < static_cast<size_t>(square.side); ++y) {
    for (const Taps& tap : taps) {
      const float* src =
          square.values.data() + y * from + static_cast<size_t>(tap.first) * kChannels;
      for (const float weight : tap.weights) {
        for (int c = 0; c < kChannels; ++c) out[c] += weight * *src++;
      }
      out += kChannels;
    }
  }
  return result;
}

/// Rows of `width` numbers -> as many as there are taps.
std::vector<float> scaled_columns(const std::vector<float>& rows, size_t width,
                                  const std::vector<Taps>& taps) {
  std::vector<float> result(taps.size() * width);
  for (size_t y = 0; y < taps.size(); ++y) {
    float* dst = result.data() + y * width;
    const float* src = rows.data() + static_cast<size_t>(taps[y].first) * width;
    for (const float weight : taps[y].weights) {
      for (size_t x = 0; x < width; ++x) dst[x] += weight * src[x];
      src += width;
    }
  }
  return result;
}

}  // namespace

std::vector<float> square_picture(const formats::Image& image, int size, double position) {
  EF_CHECK(image.width > 0 && image.height > 0 && size > 0, "pictures have pixels");
  Square square = square_of(without_alpha(image), position);
  if (square.side != size) {
    const std::vector<Taps> taps = taps_of(square.side, size);
    square.values =
        scaled_columns(scaled_rows(square, taps), static_cast<size_t>(size) * kChannels, taps);
  }
  for (float& value : square.values) value = std::clamp(value, 0.0f, 255.0f) / 127.5f - 1.0f;
  return std::move(square.values);
}

}  // namespace edgefusion::shards
