#include "data/colour_space.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace edgefusion::data {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

double to_linear(uint8_t value) {
  const double x = value / 255.0;
  return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
}

const std::array<double, 256>& linear_table() {
  static const std::array<double, 256> table = [] {
    std::array<double, 256> values{};
    for (size_t i = 0; i < values.size(); ++i) values[i] = to_linear(static_cast<uint8_t>(i));
    return values;
  }();
  return table;
}

uint8_t from_linear(double x) {
  x = std::clamp(x, 0.0, 1.0);
  const double value = x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(255 * value));
}

double cube(double x) { return x * x * x; }

}  // namespace

Lab to_lab(Rgb colour) {
  const auto& linear = linear_table();
  const double r = linear[colour.red], g = linear[colour.green], b = linear[colour.blue];
  const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {.lightness = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          .green_red = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          .blue_yellow = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

Lch to_lch(Rgb colour) {
  const Lab lab = to_lab(colour);
  const double angle = std::atan2(lab.blue_yellow, lab.green_red) / kDegree;
  return {.lightness = lab.lightness,
          .chroma = std::hypot(lab.green_red, lab.blue_yellow),
          .hue = angle < 0 ? angle + 360 : angle};
}

Rgb to_rgb(const Lch& colour) {
  const double a = colour.chroma * std::cos(colour.hue * kDegree);
  const double b = colour.chroma * std::sin(colour.hue * kDegree);
  const double l = cube(colour.lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(colour.lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(colour.lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {.red = from_linear(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          .green = from_linear(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          .blue = from_linear(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

double hue_distance(double a, double b) {
  const double d = std::fmod(std::abs(a - b), 360);
  return std::min(d, 360 - d);
}

double distance(const Lab& a, const Lab& b) {
  const double l = a.lightness - b.lightness, u = a.green_red - b.green_red;
  const double v = a.blue_yellow - b.blue_yellow;
  return std::sqrt(l * l + u * u + v * v);
}

}  // namespace edgefusion::data
