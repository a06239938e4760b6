#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/split_mix.h"
#include "data/colour_space.h"
#include "formats/image.h"

namespace edgefusion::data {

enum class ShapeKind : uint8_t { none, disc, square, diamond, ring, cross };

/// A shape of one colour on white.
struct Shape {
  ShapeKind kind = ShapeKind::disc;
  Rgb rgb{0, 0, 0};
  int side = 96;  ///< of the picture
  double radius = 30;
  double off_x = 0;    ///< of its middle
  double outline = 0;  ///< pixels, inside of the shape
  Rgb outline_rgb{0, 0, 0};
  double stretch = 1;  ///< height by width
};

/// How far inside of the shape a point is, in pixels; below 0 outside. The middle is (0, 0).
inline double inside(const Shape& shape, double x, double y) {
  y /= shape.stretch;
  const double u = std::abs(x), v = std::abs(y), r = shape.radius, length = std::hypot(x, y);
  switch (shape.kind) {
    case ShapeKind::disc:
      return r - length;
    case ShapeKind::square:
      return r - std::max(u, v);
    case ShapeKind::diamond:
      return (r - u - v) / std::sqrt(2.0);
    case ShapeKind::ring:
      return std::min(r - length, length - r / 2);
    case ShapeKind::cross:
      return std::min(r - std::max(u, v), r / 3 - std::min(u, v));
    case ShapeKind::none:
      break;
  }
  return -1;
}

/// Drawn with smooth edges: each pixel is the mean of 8x8 points.
inline formats::Image shape_picture(const Shape& shape) {
  constexpr int kPoints = 8;
  formats::Image image{.width = shape.side, .height = shape.side, .channels = 3, .pixels = {}};
  for (int y = 0; y < shape.side; ++y) {
    for (int x = 0; x < shape.side; ++x) {
      double sum[3] = {0, 0, 0};
      for (int i = 0; i < kPoints * kPoints; ++i) {
        const double u = x + (i % kPoints + 0.5) / kPoints - shape.side / 2.0 - shape.off_x;
        const double v = y + (i / kPoints + 0.5) / kPoints - shape.side / 2.0;
        const double depth = inside(shape, u, v);
        const Rgb rgb = depth < 0               ? Rgb{255, 255, 255}
                        : depth < shape.outline ? shape.outline_rgb
                                                : shape.rgb;
        sum[0] += rgb.red, sum[1] += rgb.green, sum[2] += rgb.blue;
      }
      for (const double value : sum) {
        image.pixels.push_back(static_cast<uint8_t>(std::lround(value / (kPoints * kPoints))));
      }
    }
  }
  return image;
}

}  // namespace edgefusion::data
