#include "data/layer.h"

#include <algorithm>
#include <cmath>

#include "core/result.h"

namespace edgefusion::data {
namespace {

double cubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/// Which old pixels make a new one, with which weights.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Taps> taps_of(int from, int to) {
  const double scale = static_cast<double>(from) / to, wide = std::max(scale, 1.0);
  std::vector<Taps> all;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    Taps taps{.first = std::max(static_cast<int>(std::floor(centre - 2 * wide)), 0), .weights = {}};
    const int end = std::min(static_cast<int>(std::ceil(centre + 2 * wide)), from);
    double sum = 0;
    for (int j = taps.first; j < end; ++j) {
      const double weight = cubic((j + 0.5 - centre) / wide);
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps.weights) weight = static_cast<float>(weight / sum);
    all.push_back(std::move(taps));
  }
  return all;
}

/// Each row is scaled by the taps; the result is turned: its rows are the columns.
std::vector<float> scaled_and_turned(const std::vector<float>& pixels, int width, int height,
                                     const std::vector<Taps>& taps) {
  std::vector<float> turned(4 * taps.size() * static_cast<size_t>(height));
  for (int y = 0; y < height; ++y) {
    const float* row = pixels.data() + 4 * static_cast<size_t>(y) * static_cast<size_t>(width);
    for (size_t x = 0; x < taps.size(); ++x) {
      float sum[4] = {0, 0, 0, 0};
      const float* p = row + 4 * taps[x].first;
      for (const float weight : taps[x].weights) {
        for (int c = 0; c < 4; ++c) sum[c] += weight * p[c];
        p += 4;
      }
      std::copy_n(sum, 4,
                  turned.data() + 4 * (x * static_cast<size_t>(height) + static_cast<size_t>(y)));
    }
  }
  return turned;
}

}  // namespace

Layer scaled_layer(const formats::Image& object, int width, int height) {
  std::vector<float> pixels(object.pixels.size());
  for (size_t i = 0; i < pixels.size(); i += 4) {
    const float alpha = static_cast<float>(object.pixels[i + 3]) / 255;
    for (size_t c = 0; c < 3; ++c) {
      pixels[i + c] = alpha * static_cast<float>(object.pixels[i + c]) / 255;
    }
    pixels[i + 3] = alpha;
  }
  pixels = scaled_and_turned(pixels, object.width, object.height, taps_of(object.width, width));
  pixels = scaled_and_turned(pixels, object.height, width, taps_of(object.height, height));
  // The cubic overshoots at edges.
  for (size_t i = 0; i < pixels.size(); i += 4) {
    pixels[i + 3] = std::clamp(pixels[i + 3], 0.0f, 1.0f);
    for (size_t c = 0; c < 3; ++c) pixels[i + c] = std::clamp(pixels[i + c], 0.0f, pixels[i + 3]);
  }
  return {.width = width, .height = height, .pixels = std::move(pixels)};
}

void put(formats::Image& picture, const Layer& layer, int x, int y) {
  EF_CHECK(
      x >= 0 && y >= 0 && x + layer.width <= picture.width && y + layer.height <= picture.height,
      "a layer that lies inside of the picture");
  const float* from = layer.pixels.data();
  for (int v = 0; v < layer.height; ++v) {
    uint8_t* to = picture.pixels.data() + static_cast<size_t>(y + v) * picture.row_bytes() +
                  3 * static_cast<size_t>(x);
    for (int u = 0; u < layer.width; ++u, to += 3, from += 4) {
      for (int c = 0; c < 3; ++c) {
        const float value = 255 * from[c] + (1 - from[3]) * static_cast<float>(to[c]);
        to[c] = static_cast<uint8_t>(value + 0.5f);
      }
    }
  }
}

}  // namespace edgefusion::data
