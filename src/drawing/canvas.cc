#include "drawing/canvas.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "core/result.h"

namespace edgefusion::drawing {
namespace {

void check_whole(const formats::Image& image) {
  EF_CHECK(image.width >= 0 && image.height >= 0 &&
               image.pixels.size() == image.row_bytes() * static_cast<size_t>(image.height),
           std::to_string(image.pixels.size()) + " bytes, expected " + std::to_string(image.width) +
               "x" + std::to_string(image.height) + "x" + std::to_string(image.channels));
}

void check_canvas(const formats::Image& image) {
  EF_CHECK(image.channels == 3, std::to_string(image.channels) + " channels, expected 3");
  check_whole(image);
}

/// What two ranges of whole numbers have in common: [first, last).
struct Span {
  int64_t first = 0;
  int64_t last = 0;
};

Span inside(int start, int length, int limit) {
  return {std::clamp<int64_t>(start, 0, limit),
          std::clamp<int64_t>(int64_t{start} + std::max(length, 0), 0, limit)};
}

uint8_t* pixel(formats::Image& image, int64_t x, int64_t y) {
  return image.pixels.data() + 3 * static_cast<size_t>(y * image.width + x);
}

Colour over_white(const uint8_t* from, int channels) {
  if (channels == 1) return {from[0], from[0], from[0]};
  if (channels == 3) return {from[0], from[1], from[2]};
  const int alpha = from[3];
  const auto mixed = [alpha](int value) {
    return static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
  };
  return {mixed(from[0]), mixed(from[1]), mixed(from[2])};
}

}  // namespace

formats::Image blank_image(int width, int height, Colour background) {
  EF_CHECK(width >= 1 && height >= 1 && int64_t{width} * height <= kMaxPixels,
           std::to_string(width) + "x" + std::to_string(height));
  formats::Image image{.width = width, .height = height, .channels = 3, .pixels = {}};
  image.pixels.resize(image.row_bytes() * static_cast<size_t>(height));
  fill(image, background);
  return image;
}

Colour colour_at(const formats::Image& image, int x, int y) {
  check_canvas(image);
  EF_CHECK(x >= 0 && x < image.width && y >= 0 && y < image.height,
           std::to_string(x) + ", " + std::to_string(y) + " in " + std::to_string(image.width) +
               "x" + std::to_string(image.height));
  const uint8_t* at =
      image.pixels.data() + static_cast<size_t>(y) * image.row_bytes() + 3 * static_cast<size_t>(x);
  return {at[0], at[1], at[2]};
}

void fill(formats::Image& image, Colour colour) {
  fill_rectangle(image, {0, 0, image.width, image.height}, colour);
}

void fill_rectangle(formats::Image& image, const Rectangle& rectangle, Colour colour) {
  check_canvas(image);
  const Span columns = inside(rectangle.x, rectangle.width, image.width);
  const Span rows = inside(rectangle.y, rectangle.height, image.height);
  for (int64_t y = rows.first; y < rows.last; ++y) {
    for (int64_t x = columns.first; x < columns.last; ++x) {
      uint8_t* to = pixel(image, x, y);
      to[0] = colour.red;
      to[1] = colour.green;
      to[2] = colour.blue;
    }
  }
}

void draw_rectangle(formats::Image& image, const Rectangle& rectangle, Colour colour,
                    int thickness) {
  EF_CHECK(thickness >= 1, std::to_string(thickness));
  const auto [x, y, width, height] = rectangle;
  if (width < 1 || height < 1) return;
  const int across = std::min(thickness, width);
  const int down = std::min(thickness, height);
  // The far edge may lie beyond what an int holds; then nobody sees it.
  const auto clamped = [](int64_t value) {
    return static_cast<int>(std::min<int64_t>(value, INT32_MAX));
  };
  fill_rectangle(image, {x, y, width, down}, colour);
  fill_rectangle(image, {x, clamped(int64_t{y} + height - down), width, down}, colour);
  fill_rectangle(image, {x, y, across, height}, colour);
  fill_rectangle(image, {clamped(int64_t{x} + width - across), y, across, height}, colour);
}

void blit(formats::Image& image, int x, int y, const formats::Image& picture) {
  check_canvas(image);
  check_whole(picture);
  EF_CHECK(picture.channels == 1 || picture.channels == 3 || picture.channels == 4,
           std::to_string(picture.channels) + " channels");
  const Span columns = inside(x, picture.width, image.width);
  const Span rows = inside(y, picture.height, image.height);
  const auto channels = static_cast<size_t>(picture.channels);
  for (int64_t row = rows.first; row < rows.last; ++row) {
    const uint8_t* from = picture.pixels.data() +
                          static_cast<size_t>(row - y) * picture.row_bytes() +
                          static_cast<size_t>(columns.first - x) * channels;
    for (int64_t column = columns.first; column < columns.last; ++column, from += channels) {
      const Colour colour = over_white(from, picture.channels);
      uint8_t* to = pixel(image, column, row);
      to[0] = colour.red;
      to[1] = colour.green;
      to[2] = colour.blue;
    }
  }
}

}  // namespace edgefusion::drawing
