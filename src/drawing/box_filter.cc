#include "drawing/box_filter.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "drawing/canvas.h"

namespace edgefusion::drawing {
namespace {

/// Old pixel `from` covers `weight` of new pixel `to`, in units of 1/new_size of an old pixel.
struct Overlap {
  int from = 0;
  int to = 0;
  uint64_t weight = 0;
};

/// All pairs of pixels that overlap along one axis. The weights of one new pixel add up to
/// old_size.
std::vector<Overlap> overlaps(int old_size, int new_size) {
  std::vector<Overlap> found;
  // In these units an old pixel is new_size long and a new one old_size.
  int64_t at = 0;
  const int64_t end = int64_t{old_size} * new_size;
  while (at < end) {
    const int64_t from = at / new_size, to = at / old_size;
    const int64_t next = std::min((from + 1) * new_size, (to + 1) * old_size);
    found.push_back(
        {static_cast<int>(from), static_cast<int>(to), static_cast<uint64_t>(next - at)});
    at = next;
  }
  return found;
}

}  // namespace

formats::Image scaled_down(const formats::Image& picture, int width, int height) {
  EF_CHECK(width >= 1 && width <= picture.width && height >= 1 && height <= picture.height,
           std::to_string(picture.width) + "x" + std::to_string(picture.height) + " to " +
               std::to_string(width) + "x" + std::to_string(height));
  formats::Image flat = blank_image(picture.width, picture.height);
  blit(flat, 0, 0, picture);
  if (width == picture.width && height == picture.height) return flat;

  const auto row_values = static_cast<size_t>(width) * 3;
  std::vector<uint64_t> sums(row_values * static_cast<size_t>(height), 0);
  const std::vector<Overlap> columns = overlaps(picture.width, width);
  std::vector<uint64_t> row(row_values);
  int summed = -1;  // the old row that `row` holds
  for (const Overlap& down : overlaps(picture.height, height)) {
    if (down.from != summed) {
      std::fill(row.begin(), row.end(), 0);
      const uint8_t* from = flat.pixels.data() + static_cast<size_t>(down.from) * flat.row_bytes();
      for (const Overlap& across : columns) {
        for (int c = 0; c < 3; ++c)
          row[3 * across.to + c] += across.weight * from[3 * across.from + c];
      }
      summed = down.from;
    }
    uint64_t* to = sums.data() + static_cast<size_t>(down.to) * row_values;
    for (size_t i = 0; i < row_values; ++i) to[i] += down.weight * row[i];
  }

  formats::Image small = blank_image(width, height);
  const uint64_t whole =
      static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height);
  for (size_t i = 0; i < sums.size(); ++i) {
    small.pixels[i] = static_cast<uint8_t>((sums[i] + whole / 2) / whole);
  }
  return small;
}

formats::Image scaled_to_fit(const formats::Image& picture, int width, int height) {
  EF_CHECK(width >= 1 && height >= 1, std::to_string(width) + "x" + std::to_string(height));
  const double factor = std::min({1.0, static_cast<double>(width) / picture.width,
                                  static_cast<double>(height) / picture.height});
  const auto side = [factor](int old_size, int limit) {
    return std::clamp(static_cast<int>(std::lround(old_size * factor)), 1,
                      std::min(old_size, limit));
  };
  return scaled_down(picture, side(picture.width, width), side(picture.height, height));
}

}  // namespace edgefusion::drawing
