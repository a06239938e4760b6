#include "data/backdrop.h"

#include <cmath>

#include "data/english.h"

namespace edgefusion::data {
namespace {

constexpr double kPalest = 0.6;  // share of white where a gradient begins

Rgb mixed_with_white(Rgb colour, double white) {
  const auto mix = [&](uint8_t c) {
    return static_cast<uint8_t>(std::lround(c + white * (255 - c)));
  };
  return {mix(colour.red), mix(colour.green), mix(colour.blue)};
}

Rgb colour_at(const Backdrop& backdrop, int side, int x, int y) {
  if (backdrop.kind == Backdrop::Kind::plain) return backdrop.rgb;
  if (backdrop.kind == Backdrop::Kind::checkered) {
    const bool white = (x * backdrop.cells / side + y * backdrop.cells / side) % 2 == 0;
    return white ? Rgb{255, 255, 255} : backdrop.rgb;
  }
  const int along = backdrop.direction < 2 ? y : x;
  const double place = static_cast<double>(along) / (side - 1);
  return mixed_with_white(backdrop.rgb,
                          kPalest * (backdrop.direction % 2 == 0 ? 1 - place : place));
}

}  // namespace

std::string words_for(const Backdrop& backdrop) {
  switch (backdrop.kind) {
    case Backdrop::Kind::plain:
      return " on " + with_article(backdrop.colour) + " background";
    case Backdrop::Kind::gradient:
      return " on a soft " + backdrop.colour + " gradient background";
    case Backdrop::Kind::checkered:
      return " on " + with_article(backdrop.colour) + " and white checkered background";
    case Backdrop::Kind::white:
      break;
  }
  return "";
}

formats::Image painted(const Backdrop& backdrop, int side) {
  formats::Image image{.width = side, .height = side, .channels = 3, .pixels = {}};
  image.pixels.assign(3 * static_cast<size_t>(side) * static_cast<size_t>(side), 255);
  if (backdrop.kind == Backdrop::Kind::white) return image;
  uint8_t* to = image.pixels.data();
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x, to += 3) {
      const Rgb colour = colour_at(backdrop, side, x, y);
      to[0] = colour.red, to[1] = colour.green, to[2] = colour.blue;
    }
  }
  return image;
}

}  // namespace edgefusion::data
