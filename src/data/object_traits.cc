#include "data/object_traits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "data/named_colours.h"
#include "data/recolour.h"

namespace edgefusion::data {
namespace {

constexpr double kLargestPiece = 0.92;  // of the object
constexpr double kTooNear = 0.16;       // in OKLab
constexpr double kMostHidden = 0.12;    // of the object, may be as near as that to the background
constexpr int kWhite = 240;
constexpr double kLargestWhite = 0.015;  // of the object: larger than an eye
constexpr double kMostWhite = 0.08;
constexpr int kStride = 4;

const uint8_t* pixel_at(const formats::Image& image, int x, int y) {
  return image.pixels.data() + static_cast<size_t>(y) * image.row_bytes() +
         4 * static_cast<size_t>(x);
}

struct Pieces {
  int64_t largest = 0, all = 0;  ///< pixels
};

/// Of the pixels that are not 0; pieces are connected over corners, too.
Pieces pieces_of(std::vector<uint8_t> open, int width, int height) {
  const auto at = [&](int x, int y) { return static_cast<size_t>(y * width + x); };
  Pieces pieces;
  std::vector<std::pair<int, int>> stack;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      int64_t size = 0;
      const auto visit = [&](int u, int v) {
        if (u < 0 || v < 0 || u >= width || v >= height || open[at(u, v)] == 0) return;
        open[at(u, v)] = 0;
        ++size;
        stack.emplace_back(u, v);
      };
      visit(x, y);
      while (!stack.empty()) {
        const auto [u, v] = stack.back();
        stack.pop_back();
        for (int d = 0; d < 9; ++d) visit(u + d % 3 - 1, v + d / 3 - 1);
      }
      pieces.largest = std::max(pieces.largest, size);
      pieces.all += size;
    }
  }
  return pieces;
}

void look_at_pieces(const formats::Image& object, ObjectTraits& traits) {
  std::vector<uint8_t> solid, white;
  for (size_t i = 0; i < object.pixels.size(); i += 4) {
    const uint8_t* p = object.pixels.data() + i;
    solid.push_back(p[3] >= 128 ? 1 : 0);
    white.push_back(p[3] >= 128 && std::min({p[0], p[1], p[2]}) >= kWhite ? 1 : 0);
  }
  const Pieces of_object = pieces_of(std::move(solid), object.width, object.height);
  const Pieces of_white = pieces_of(std::move(white), object.width, object.height);
  const auto all = static_cast<double>(of_object.all);
  traits.one_piece = static_cast<double>(of_object.largest) >= kLargestPiece * all;
  traits.white_inside = static_cast<double>(of_white.largest) > kLargestWhite * all ||
                        static_cast<double>(of_white.all) > kMostWhite * all;
}

}  // namespace

ObjectTraits traits_of(const formats::Image& object) {
  ObjectTraits traits{.colour = dominant_colour(object)};
  look_at_pieces(object, traits);
  const auto colours = named_colours();
  std::vector<Lab> backgrounds;
  for (const NamedColour& colour : colours) backgrounds.push_back(to_lab(colour.rgb));
  std::vector<int64_t> hidden(colours.size());
  int64_t pixels = 0;
  for (int y = 0; y < object.height; y += kStride) {
    for (int x = 0; x < object.width; x += kStride) {
      const uint8_t* p = pixel_at(object, x, y);
      if (p[3] < 128) continue;
      ++pixels;
      const Lab c = to_lab({p[0], p[1], p[2]});
      for (size_t i = 0; i < hidden.size(); ++i) {
        hidden[i] += distance(c, backgrounds[i]) < kTooNear ? 1 : 0;
      }
    }
  }
  for (size_t i = 0; i < hidden.size(); ++i) {
    const bool clear = static_cast<double>(hidden[i]) <= kMostHidden * static_cast<double>(pixels);
    if (clear) traits.backgrounds |= uint32_t{1} << i;
  }
  return traits;
}

}  // namespace edgefusion::data
