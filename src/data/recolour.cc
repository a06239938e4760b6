#include "data/recolour.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace edgefusion::data {
namespace {

constexpr double kGray = 0.045;          // chroma below which a pixel has no hue to speak of
constexpr double kDull = 0.075;          // mean chroma below which an object has no colour
constexpr double kHueWidth = 32;         // degrees to either side
constexpr double kShadeWidth = 46;       // of its shades and glows, which change with it
constexpr double kShareOfObject = 0.72;  // that must have the hue
constexpr size_t kBins = 72;             // of 5 degrees
constexpr int kStride = 3;               // pixels are looked at in every third row and column

template <typename Visit>
void visit_pixels(const formats::Image& object, const Visit& visit) {
  for (int y = 0; y < object.height; y += kStride) {
    for (int x = 0; x < object.width; x += kStride) {
      const size_t at = static_cast<size_t>(y) * object.row_bytes() + 4 * static_cast<size_t>(x);
      const uint8_t* p = object.pixels.data() + at;
      if (p[3] >= 128) visit(to_lch({p[0], p[1], p[2]}));
    }
  }
}

/// 1 within the width, 0 far from it, smooth between.
double closeness(const Lch& pixel, const Lch& from) {
  const double near =
      std::clamp((kShadeWidth + 14 - hue_distance(pixel.hue, from.hue)) / 14, 0.0, 1.0);
  const double coloured = std::clamp((pixel.chroma - 0.02) / 0.03, 0.0, 1.0);
  return near * coloured;
}

/// Black and white stay what they are, and the mean becomes that of the new colour.
double shade(double lightness, double from, double to) {
  lightness = std::clamp(lightness, 0.0, 1.0);
  return lightness < from ? lightness * to / from
                          : to + (lightness - from) * (1 - to) / std::max(1 - from, 1e-3);
}

}  // namespace

std::optional<Lch> dominant_colour(const formats::Image& object) {
  std::array<double, kBins> chroma{};
  double pixels = 0;
  visit_pixels(object, [&](const Lch& c) {
    ++pixels;
    if (c.chroma >= kGray) chroma[static_cast<size_t>(c.hue / 360 * kBins) % kBins] += c.chroma;
  });
  const auto strongest = std::ranges::max_element(chroma) - chroma.begin();
  const double hue = (static_cast<double>(strongest) + 0.5) * 360 / kBins;
  double count = 0, lightness = 0, strength = 0, shift = 0;
  visit_pixels(object, [&](const Lch& c) {
    if (c.chroma < kGray || hue_distance(c.hue, hue) > kHueWidth) return;
    ++count;
    lightness += c.lightness;
    strength += c.chroma;
    shift += std::remainder(c.hue - hue, 360);
  });
  if (count == 0 || count < kShareOfObject * pixels || strength < kDull * count)
    return std::nullopt;
  return Lch{lightness / count, strength / count, std::fmod(hue + shift / count + 360, 360)};
}

void recolour(formats::Image& object, const Lch& from, const Lch& to) {
  const double stronger = std::clamp(to.chroma / from.chroma, 0.5, 3.0);
  for (size_t i = 0; i < object.pixels.size(); i += 4) {
    uint8_t* p = object.pixels.data() + i;
    if (p[3] == 0) continue;
    const Lch c = to_lch({p[0], p[1], p[2]});
    const double share = closeness(c, from);
    if (share == 0) continue;
    const double lightness = shade(c.lightness, from.lightness, to.lightness);
    // Towards black and white there is less chroma that can be shown.
    const double room =
        lightness > to.lightness ? (1 - lightness) / (1 - to.lightness) : lightness / to.lightness;
    const Rgb rgb =
        to_rgb({lightness, std::min(c.chroma * stronger, to.chroma * 1.15 * room), to.hue});
    const auto blend = [&](uint8_t& old, uint8_t value) {
      old = static_cast<uint8_t>(std::lround(old + share * (value - old)));
    };
    blend(p[0], rgb.red), blend(p[1], rgb.green), blend(p[2], rgb.blue);
  }
}

}  // namespace edgefusion::data
