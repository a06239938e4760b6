#pragma once

#include <algorithm>
#include <cstddef>

#include "drawing/canvas.h"

namespace edgefusion::drawing::testing {

/// Pixels that are not of this colour.
inline int count_other(const formats::Image& image, Colour colour = kWhite) {
  int count = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) count += colour_at(image, x, y) != colour ? 1 : 0;
  }
  return count;
}

inline formats::Image cropped(const formats::Image& image, const Rectangle& area) {
  formats::Image part = blank_image(area.width, area.height);
  blit(part, -area.x, -area.y, image);
  return part;
}

/// The smallest rectangle that holds all pixels that are not white; of no size without any.
inline Rectangle drawn_area(const formats::Image& image) {
  int left = image.width, right = -1, top = image.height, bottom = -1;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (colour_at(image, x, y) == kWhite) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  return right < 0 ? Rectangle{} : Rectangle{left, top, right - left + 1, bottom - top + 1};
}

/// The largest difference of a value; the sizes must agree.
inline int largest_difference(const formats::Image& a, const formats::Image& b) {
  int largest = a.pixels.size() == b.pixels.size() ? 0 : 256;
  for (size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

}  // namespace edgefusion::drawing::testing
