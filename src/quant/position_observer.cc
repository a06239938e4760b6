#include "quant/position_observer.h"

#include <algorithm>
#include <cmath>

namespace edgefusion::quant {
namespace {

constexpr int kSide = 4;

/// One of the two passes of B^T d B, over values `stride` apart.
void transform_line(float* d, size_t stride) {
  const float first = d[0] - d[2 * stride], last = d[stride] - d[3 * stride];
  const float sum = d[stride] + d[2 * stride], difference = d[2 * stride] - d[stride];
  d[0] = first;
  d[stride] = sum;
  d[2 * stride] = difference;
  d[3 * stride] = last;
}

/// Reads pixels of a picture, zeros outside of it.
struct PatchReader {
  const ConstTensorView& x;
  int shift;  // 1: enlarged by two

  int64_t height() const { return x.shape[1] << shift; }
  int64_t width() const { return x.shape[2] << shift; }

  const float* pixel(int64_t image, int64_t row, int64_t column) const {
    if (row < 0 || column < 0 || row >= height() || column >= width()) return nullptr;
    const int64_t at = (image * x.shape[1] + (row >> shift)) * x.shape[2] + (column >> shift);
    return x.as<float>() + at * x.shape[3];
  }

  /// patch [position][channel], transformed
  void read(int64_t image, int64_t row, int64_t column, std::vector<float>& patch) const {
    const auto channels = static_cast<size_t>(x.shape[3]);
    for (int y = 0; y < kSide; ++y) {
      for (int c = 0; c < kSide; ++c) {
        float* to = patch.data() + static_cast<size_t>(y * kSide + c) * channels;
        const float* from = pixel(image, row + y, column + c);
        if (from == nullptr) {
          std::fill_n(to, channels, 0.0f);
        } else {
          std::copy_n(from, channels, to);
        }
      }
    }
    for (size_t c = 0; c < channels; ++c) {
      for (size_t line = 0; line < kSide; ++line) {
        transform_line(patch.data() + line * channels + c, kSide * channels);
      }
      for (size_t line = 0; line < kSide; ++line) {
        transform_line(patch.data() + line * kSide * channels + c, channels);
      }
    }
  }
};

/// Steps of a symmetric code are worth as much as the largest value kept, over 127.
double clipped_noise(const RangeHistogram& histogram, double largest) {
  const double step = largest / 127;
  double noise = 0;
  for (const RangeHistogram::Bin& bin : histogram.bins()) {
    const double middle = 0.5 * (bin.low + bin.high);
    const double beyond = std::max(0.0, std::abs(middle) - largest);
    noise += static_cast<double>(bin.count) * std::max(step * step / 12, beyond * beyond);
  }
  return noise;
}

float scale_of(const RangeHistogram& histogram) {
  const double largest = std::max(std::abs(static_cast<double>(histogram.lowest())),
                                  std::abs(static_cast<double>(histogram.highest())));
  if (largest <= 0) return 1.0f;
  constexpr int kTries = 40;  // down to a fifth of the range
  double best = largest, least = clipped_noise(histogram, largest);
  for (int i = 1; i < kTries; ++i) {
    const double tried = largest * (1.0 - 0.02 * i);
    const double noise = clipped_noise(histogram, tried);
    if (noise < least) {
      least = noise;
      best = tried;
    }
  }
  return static_cast<float>(best / 127);
}

}  // namespace

void PositionObserver::observe(const ConstTensorView& x, bool upsample2x) {
  const PatchReader reader = {x, upsample2x ? 1 : 0};
  const auto channels = static_cast<size_t>(x.shape[3]);
  std::vector<float> patch(kPatchPositions * channels);
  for (int64_t image = 0; image < x.shape[0]; ++image) {
    for (int64_t row = -1; row + 1 < reader.height(); row += 2) {
      for (int64_t column = -1; column + 1 < reader.width(); column += 2) {
        reader.read(image, row, column, patch);
        for (size_t p = 0; p < kPatchPositions; ++p) {
          histograms_[p].add({patch.data() + p * channels, channels});
        }
      }
    }
  }
}

std::vector<float> position_scales(const PositionObserver& observer) {
  std::vector<float> scales;
  for (size_t p = 0; p < kPatchPositions; ++p) scales.push_back(scale_of(observer.histogram(p)));
  return scales;
}

double clipped_share(const PositionObserver& observer, const std::vector<float>& scales) {
  double outside = 0, all = 0;
  for (size_t p = 0; p < kPatchPositions; ++p) {
    const double end = 127.5 * static_cast<double>(scales[p]);
    for (const RangeHistogram::Bin& bin : observer.histogram(p).bins()) {
      const double middle = 0.5 * (bin.low + bin.high);
      const auto count = static_cast<double>(bin.count);
      all += count;
      if (std::abs(middle) > end) outside += count;
    }
  }
  return all > 0 ? outside / all : 0;
}

}  // namespace edgefusion::quant
