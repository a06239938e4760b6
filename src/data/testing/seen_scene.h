#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "formats/image.h"

// What is to be seen on a picture, measured with none of the code that made it: HSV instead of
// OKLab, pieces of what is not background instead of placements.

namespace edgefusion::data {

struct Hsv {
  double hue = 0, saturation = 0, value = 0;  ///< degrees, 0 to 1, 0 to 1
};

inline Hsv hsv_of(const uint8_t* p) {
  const double r = p[0] / 255.0, g = p[1] / 255.0, b = p[2] / 255.0;
  const double high = std::max({r, g, b}), range = high - std::min({r, g, b});
  double hue = 0;
  if (range > 0 && high == r) hue = 60 * (g - b) / range;
  if (range > 0 && high == g && high != r) hue = 60 * (b - r) / range + 120;
  if (range > 0 && high == b && high != r && high != g) hue = 60 * (r - g) / range + 240;
  return {hue < 0 ? hue + 360 : hue, high == 0 ? 0 : range / high, high};
}

inline std::string colour_name(const Hsv& c) {
  if (c.value < 0.25) return "black";
  if (c.saturation < 0.1) return c.value > 0.9 ? "white" : "gray";
  if (c.hue < 14 || c.hue >= 346) return c.saturation < 0.55 ? "pink" : "red";
  if (c.hue < 42) return c.value < 0.65 ? "brown" : "orange";
  if (c.hue < 70) return "yellow";
  if (c.hue < 160) return c.saturation < 0.45 ? "light green" : "green";
  if (c.hue < 195) return "teal";
  if (c.hue < 245) return c.value < 0.6 ? "dark blue" : c.saturation < 0.55 ? "light blue" : "blue";
  return c.hue < 292 ? "purple" : "pink";
}

/// A connected piece of what is not background.
struct SeenObject {
  double left = 0, right = 0, top = 0, bottom = 0;  ///< shares of the picture's side
  std::string colour;

  double longest() const { return std::max(right - left, bottom - top); }
};

class SeenScene {
 public:
  explicit SeenScene(const formats::Image& image) : image_(image) {
    const int side = image.width;
    for (int x = 0; x < side; ++x) {
      // Not at the sides of cells, where a lossy file is off.
      const bool even = !far(pixel(std::max(x - 3, 0), 0), pixel(std::min(x + 3, side - 1), 0));
      if (even && whiteness(pixel(x, 0)) < whiteness(strongest_)) strongest_ = pixel(x, 0);
      white_border_ = std::max(white_border_, whiteness(pixel(x, 0)));
    }
    const bool changes = white_border_ - whiteness(strongest_) > 60;
    // A checkered border has pixels of two kinds, one of shades many.
    int between = 0;
    for (int i = 0; i < side; ++i) {
      for (const uint8_t* p : {pixel(i, 0), pixel(0, i)}) {
        between += whiteness(p) < 230 && far(p, strongest_) ? 1 : 0;
      }
    }
    checkered = changes && between < 3 * side / 8;
    for (int y = 0; y < side && !checkered; ++y) {
      if (whiteness(pixel(0, y)) < whiteness(strongest_)) strongest_ = pixel(0, y);
    }
    background = colour_name(hsv_of(strongest_));
    gradient = !checkered && far(pixel(1, 1), pixel(side - 2, side - 2));
    find_objects();
  }

  std::string background;  ///< name of the strongest colour at the border
  bool checkered = false, gradient = false;
  std::vector<SeenObject> objects;

 private:
  const uint8_t* pixel(int x, int y) const {
    return image_.pixels.data() + static_cast<size_t>(y) * image_.row_bytes() +
           3 * static_cast<size_t>(x);
  }
  static int whiteness(const uint8_t* p) { return std::min({p[0], p[1], p[2]}); }
  static bool far(const uint8_t* a, const uint8_t* b) {
    return std::max({std::abs(a[0] - b[0]), std::abs(a[1] - b[1]), std::abs(a[2] - b[2])}) > 34;
  }

  /// Of white and the strongest colour of the border: what the sides of cells are in a lossy file.
  bool is_mixed_with_white(const uint8_t* p) const {
    double along = 0, length = 0;
    for (int c = 0; c < 3; ++c) {
      along += (255.0 - p[c]) * (255.0 - strongest_[c]);
      length += (255.0 - strongest_[c]) * (255.0 - strongest_[c]);
    }
    const double share = std::clamp(along / length, 0.0, 1.0);
    double off = 0;
    for (int c = 0; c < 3; ++c) {
      off = std::max(off, std::abs(255 - p[c] - share * (255.0 - strongest_[c])));
    }
    return off < 50;
  }

  /// Rows and columns of a plain or shaded background are of one colour up to the border.
  bool is_object(int x, int y) const {
    const uint8_t* p = pixel(x, y);
    if (checkered) return !is_mixed_with_white(p);
    return far(p, pixel(x, 0)) && far(p, pixel(0, y));
  }

  void find_objects() {
    const int side = image_.width;
    std::vector<uint8_t> open(static_cast<size_t>(side * side));
    for (int i = 0; i < side * side; ++i) {
      open[static_cast<size_t>(i)] = is_object(i % side, i / side) ? 1 : 0;
    }
    for (int i = 0; i < side * side; ++i) {
      const std::vector<int> piece = take_piece(open, i);
      // Smaller ones are noise of the lossy file, and pieces of edges.
      if (piece.size() <= static_cast<size_t>(side * side) / 400) continue;
      const SeenObject object = measured(piece);
      // So are the sides of cells, where the colour of a lossy file lags behind its brightness.
      if (checkered && (object.colour == "white" || object.colour == background)) continue;
      objects.push_back(object);
    }
  }

  std::vector<int> take_piece(std::vector<uint8_t>& open, int first) const {
    const int side = image_.width;
    std::vector<int> piece;
    const auto visit = [&](int x, int y) {
      if (x < 0 || y < 0 || x >= side || y >= side) return;
      uint8_t& here = open[static_cast<size_t>(y * side + x)];
      if (std::exchange(here, 0) != 0) piece.push_back(y * side + x);
    };
    visit(first % side, first / side);
    for (size_t i = 0; i < piece.size(); ++i) {
      const int x = piece[i] % side, y = piece[i] / side;
      visit(x - 1, y), visit(x + 1, y), visit(x, y - 1), visit(x, y + 1);
    }
    return piece;
  }

  SeenObject measured(const std::vector<int>& piece) const {
    const int side = image_.width;
    int left = side, right = 0, top = side, bottom = 0;
    std::array<std::vector<uint8_t>, 3> channels;
    for (const int i : piece) {
      const int x = i % side, y = i / side;
      left = std::min(left, x), right = std::max(right, x + 1);
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
      for (size_t c = 0; c < 3; ++c) channels[c].push_back(pixel(x, y)[c]);
    }
    uint8_t median[3];
    for (size_t c = 0; c < 3; ++c) {
      std::ranges::nth_element(channels[c],
                               channels[c].begin() + static_cast<int>(piece.size() / 2));
      median[c] = channels[c][piece.size() / 2];
    }
    const double s = side;
    return {left / s, right / s, top / s, bottom / s, colour_name(hsv_of(median))};
  }

  const formats::Image& image_;
  static constexpr uint8_t kWhite[3] = {255, 255, 255};
  const uint8_t* strongest_ = kWhite;
  int white_border_ = 0;
};

}  // namespace edgefusion::data
