#pragma once

#include <cstdint>

namespace edgefusion::data {

/// OKLab: equal distances look alike. Lightness 0 (black) to 1 (white), the others around 0.
struct Lab {
  double lightness = 0, green_red = 0, blue_yellow = 0;
};

/// Lightness, chroma and hue of OKLab:
/// lightness 0 (black) to 1 (white), chroma 0 (gray) to about 0.3, hue in degrees [0,360).
struct Lch {
  double lightness = 0, chroma = 0, hue = 0;
};

struct Rgb {
  uint8_t red = 0, green = 0, blue = 0;

  friend bool operator==(const Rgb&, const Rgb&) = default;
};

/// Source: Ottosson 2020, "A perceptual color space for image processing"; IEC 61966-2-1 (sRGB).
Lab to_lab(Rgb colour);
Lch to_lch(Rgb colour);
/// What sRGB cannot show is clipped.
Rgb to_rgb(const Lch& colour);

/// Degrees between two hues, 0 to 180.
double hue_distance(double a, double b);
/// Euclidean.
double distance(const Lab& a, const Lab& b);

}  // namespace edgefusion::data
