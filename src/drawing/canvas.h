#pragma once

#include <cstdint>
#include <span>

#include "formats/image.h"

namespace edgefusion::drawing {

/// Everything here draws on 8-bit RGB pictures. The centre of the pixel in column x and row y is
/// the point (x, y); x grows to the right, y downwards. What lies outside of a picture is left out,
/// so any place and size is allowed. Errors: none. Threads: safe on distinct pictures.

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;

  friend bool operator==(const Colour&, const Colour&) = default;
};

inline constexpr Colour kBlack{0, 0, 0};
inline constexpr Colour kWhite{255, 255, 255};

/// Whole pixels: columns [x, x + width), rows [y, y + height). Nothing if a size is below 1.
struct Rectangle {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;

  friend bool operator==(const Rectangle&, const Rectangle&) = default;
};

struct Point {
  double x = 0;
  double y = 0;

  friend bool operator==(const Point&, const Point&) = default;
};

struct LineStyle {
  Colour colour;
  double width = 1;    ///< pixels, above 0
  double opacity = 1;  ///< 0 nothing to be seen, 1 opaque
};

inline constexpr int64_t kMaxPixels = int64_t{64} << 20;  ///< what formats::read_png takes

/// A picture of one colour. Each side at least 1, width * height at most kMaxPixels.
formats::Image blank_image(int width, int height, Colour background = kWhite);

/// The colour of a pixel of an RGB picture; it must lie inside.
Colour colour_at(const formats::Image& image, int x, int y);

void fill(formats::Image& image, Colour colour);
void fill_rectangle(formats::Image& image, const Rectangle& rectangle, Colour colour);

/// The outline of the rectangle, `thickness` pixels wide, inside of it.
void draw_rectangle(formats::Image& image, const Rectangle& rectangle, Colour colour,
                    int thickness = 1);

/// Puts a gray, RGB or RGBA picture with its upper left corner at (x, y); a transparent pixel shows
/// white, whatever was there before.
void blit(formats::Image& image, int x, int y, const formats::Image& picture);

/// A smooth straight line with round ends; from a point to itself it is a disc. Horizontal and
/// vertical lines through pixel centres, an odd number of pixels wide, are sharp.
void draw_line(formats::Image& image, Point from, Point to, const LineStyle& style);

/// Joins the points in their order. A pixel that the line crosses twice is blended once, so a faint
/// line is equally faint everywhere. Points that are not finite, or farther than 1e9 pixels away,
/// end a piece of the line, and the next begins after them. One point alone is a disc.
void draw_polyline(formats::Image& image, std::span<const Point> points, const LineStyle& style);

}  // namespace edgefusion::drawing
