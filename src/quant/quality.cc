#include "quant/quality.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/result.h"
#include "quant/decibels.h"

namespace edgefusion::quant {
namespace {

constexpr int kSide = 11;

std::array<double, kSide> gauss_window() {
  constexpr double kSigma = 1.5;
  std::array<double, kSide> window{};
  double sum = 0;
  for (int i = 0; i < kSide; ++i) {
    const double offset = i - kSide / 2;
    window[static_cast<size_t>(i)] = std::exp(-offset * offset / (2 * kSigma * kSigma));
    sum += window[static_cast<size_t>(i)];
  }
  for (double& x : window) x /= sum;
  return window;
}

/// One channel of a picture, or products of two.
struct Plane {
  int width = 0, height = 0;
  std::vector<double> values;

  double& at(int x, int y) { return values[index(x, y)]; }
  double at(int x, int y) const { return values[index(x, y)]; }
  size_t index(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x);
  }
};

Plane empty_plane(int width, int height) {
  return {width, height,
          std::vector<double>(static_cast<size_t>(width) * static_cast<size_t>(height))};
}

Plane plane_of(const formats::Image& image, int channel) {
  Plane plane = empty_plane(image.width, image.height);
  for (size_t i = 0; i < plane.values.size(); ++i) {
    plane.values[i] =
        image.pixels[i * static_cast<size_t>(image.channels) + static_cast<size_t>(channel)];
  }
  return plane;
}

Plane product(const Plane& a, const Plane& b) {
  Plane plane = a;
  for (size_t i = 0; i < plane.values.size(); ++i) plane.values[i] *= b.values[i];
  return plane;
}

/// Weighted means over the windows inside: 10 pixels less each way.
Plane window_means(const Plane& plane) {
  static const std::array<double, kSide> kWindow = gauss_window();
  Plane rows = empty_plane(plane.width - kSide + 1, plane.height);
  for (int y = 0; y < rows.height; ++y) {
    for (int x = 0; x < rows.width; ++x) {
      for (int i = 0; i < kSide; ++i) {
        rows.at(x, y) += kWindow[static_cast<size_t>(i)] * plane.at(x + i, y);
      }
    }
  }
  Plane means = empty_plane(rows.width, plane.height - kSide + 1);
  for (int y = 0; y < means.height; ++y) {
    for (int i = 0; i < kSide; ++i) {
      for (int x = 0; x < means.width; ++x) {
        means.at(x, y) += kWindow[static_cast<size_t>(i)] * rows.at(x, y + i);
      }
    }
  }
  return means;
}

double ssim_of(const Plane& a, const Plane& b) {
  constexpr double kC1 = 0.01 * 255 * 0.01 * 255, kC2 = 0.03 * 255 * 0.03 * 255;
  const Plane mean_a = window_means(a), mean_b = window_means(b);
  const Plane aa = window_means(product(a, a)), bb = window_means(product(b, b));
  const Plane ab = window_means(product(a, b));
  double sum = 0;
  for (size_t i = 0; i < aa.values.size(); ++i) {
    const double x = mean_a.values[i], y = mean_b.values[i];
    const double spread = aa.values[i] - x * x + bb.values[i] - y * y;
    const double common = ab.values[i] - x * y;
    sum += (2 * x * y + kC1) * (2 * common + kC2) / ((x * x + y * y + kC1) * (spread + kC2));
  }
  return sum / static_cast<double>(aa.values.size());
}

void check_alike(const formats::Image& a, const formats::Image& b) {
  EF_CHECK(a.width == b.width && a.height == b.height && a.channels == b.channels &&
               a.pixels.size() == b.pixels.size() && !a.pixels.empty(),
           "pictures of one size");
}

}  // namespace

double psnr_db(const formats::Image& a, const formats::Image& b) {
  check_alike(a, b);
  int64_t squares = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const int difference = static_cast<int>(a.pixels[i]) - static_cast<int>(b.pixels[i]);
    squares += int64_t{difference} * difference;
  }
  return ratio_db(255.0 * 255.0 * static_cast<double>(a.pixels.size()),
                  static_cast<double>(squares));
}

double ssim(const formats::Image& a, const formats::Image& b) {
  check_alike(a, b);
  EF_CHECK(a.width >= kSide && a.height >= kSide, "pictures that hold a window");
  double sum = 0;
  for (int channel = 0; channel < a.channels; ++channel) {
    sum += ssim_of(plane_of(a, channel), plane_of(b, channel));
  }
  return sum / a.channels;
}

double sqnr_db(std::span<const float> exact, std::span<const float> quantised) {
  EF_CHECK(exact.size() == quantised.size(), "as many values as exact ones");
  double signal = 0, noise = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const auto value = static_cast<double>(exact[i]);
    const double error = value - static_cast<double>(quantised[i]);
    signal += value * value;
    noise += error * error;
  }
  if (!std::isfinite(signal) || !std::isfinite(noise)) {
    return -std::numeric_limits<double>::infinity();
  }
  return ratio_db(signal, noise);
}

}  // namespace edgefusion::quant
