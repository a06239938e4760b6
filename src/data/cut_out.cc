#include "data/cut_out.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/result.h"

namespace edgefusion::data {
namespace {

// Lossy files are a few levels off, and their coarse colour spills over edges, which hardly changes
// the brightness.
constexpr int kNearWhiteLuma = 246;
constexpr int kNearWhite = 226;  // of the darkest channel
constexpr int kSolid = 4;        // depth from which on a pixel surely is the object's alone
constexpr int kReach = 2;        // pixels from an edge to the object's own colour
constexpr double kLeastAlpha = 0.08;
constexpr int kPale = 40;  // an edge less than that from white is not clear
constexpr double kMostPaleEdge = 0.2;
constexpr int kWhiteObject = 232;
constexpr double kMostWhite = 0.4;
constexpr double kBorderOfObject = 0.25;  // of the border, at most, where an object touches it

struct Cutter {
  explicit Cutter(const formats::Image& p)
      : picture(p), width(p.width), height(p.height), depth(static_cast<size_t>(width * height)) {}

  size_t at(int x, int y) const { return static_cast<size_t>(y) * static_cast<size_t>(width) + x; }
  const uint8_t* pixel(size_t i) const { return picture.pixels.data() + 3 * i; }
  bool near_white(size_t i) const {
    const int red = pixel(i)[0], green = pixel(i)[1], blue = pixel(i)[2];
    return 299 * red + 587 * green + 114 * blue >= 1000 * kNearWhiteLuma &&
           std::min({red, green, blue}) >= kNearWhite;
  }

  /// Depth 0: white that is reached from the border, over sides of pixels.
  void flood() {
    std::ranges::fill(depth, static_cast<uint8_t>(kSolid));
    std::vector<size_t> open;
    const auto visit = [&](int x, int y) {
      if (x < 0 || y < 0 || x >= width || y >= height) return;
      const size_t i = at(x, y);
      if (depth[i] == 0 || !near_white(i)) return;
      depth[i] = 0;
      open.push_back(i);
    };
    for (int x = 0; x < width; ++x) visit(x, 0), visit(x, height - 1);
    for (int y = 0; y < height; ++y) visit(0, y), visit(width - 1, y);
    while (!open.empty()) {
      const int x = static_cast<int>(open.back() % static_cast<size_t>(width));
      const int y = static_cast<int>(open.back() / static_cast<size_t>(width));
      open.pop_back();
      visit(x - 1, y), visit(x + 1, y), visit(x, y - 1), visit(x, y + 1);
    }
  }

  /// Depth 1, 2, 3: steps to the background, diagonal ones too; no deeper.
  void measure_depth() {
    for (int level = 1; level < kSolid; ++level) {
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          if (depth[at(x, y)] == kSolid && touches(x, y, level - 1)) {
            depth[at(x, y)] = static_cast<uint8_t>(level);
            edge.push_back(at(x, y));
          }
        }
      }
    }
  }

  bool touches(int x, int y, int level) const {
    for (int v = std::max(y - 1, 0); v <= std::min(y + 1, height - 1); ++v) {
      for (int u = std::max(x - 1, 0); u <= std::min(x + 1, width - 1); ++u) {
        if (depth[at(u, v)] == level) return true;
      }
    }
    return false;
  }

  double border_share() const {
    int object = 0;
    for (int x = 0; x < width; ++x)
      object += (depth[at(x, 0)] != 0) + (depth[at(x, height - 1)] != 0);
    for (int y = 0; y < height; ++y)
      object += (depth[at(0, y)] != 0) + (depth[at(width - 1, y)] != 0);
    return object / (2.0 * (width + height));
  }

  const formats::Image& picture;
  int width, height;
  std::vector<uint8_t> depth;
  std::vector<size_t> edge;  // pixels of depth 1 to 3, the outer ones first
};

std::array<int, 3> from_white(const uint8_t* pixel) {
  return {255 - pixel[0], 255 - pixel[1], 255 - pixel[2]};
}
double length(const std::array<int, 3>& v) {
  return std::sqrt(static_cast<double>(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]));
}

/// What an edge pixel is a mix of with white, and how much of it.
struct Mix {
  const uint8_t* colour;
  double alpha = 1;
};

/// Among the pixels further inside within reach: the strongest of which this one could be a mix.
/// If there is none, it is a colour of its own.
Mix unmix(const Cutter& cutter, size_t i) {
  const std::array<int, 3> mixed = from_white(cutter.pixel(i));
  const double strength = length(mixed), tolerance = 22 + 0.12 * strength;
  Mix best{cutter.pixel(i), 1};
  double strongest = strength;
  const int x = static_cast<int>(i % static_cast<size_t>(cutter.width));
  const int y = static_cast<int>(i / static_cast<size_t>(cutter.width));
  for (int v = std::max(y - kReach, 0); v <= std::min(y + kReach, cutter.height - 1); ++v) {
    for (int u = std::max(x - kReach, 0); u <= std::min(x + kReach, cutter.width - 1); ++u) {
      const size_t j = cutter.at(u, v);
      if (cutter.depth[j] <= cutter.depth[i]) continue;
      const std::array<int, 3> inner = from_white(cutter.pixel(j));
      const double inner_strength = length(inner);
      if (inner_strength <= strongest) continue;
      const double alpha = (mixed[0] * inner[0] + mixed[1] * inner[1] + mixed[2] * inner[2]) /
                           (inner_strength * inner_strength);
      const double off = std::hypot(mixed[0] - alpha * inner[0], mixed[1] - alpha * inner[1],
                                    mixed[2] - alpha * inner[2]);
      if (off > tolerance) continue;
      strongest = inner_strength;
      best = {cutter.pixel(j), alpha};
    }
  }
  return best;
}

formats::Image rgba_of(const Cutter& cutter) {
  formats::Image all{.width = cutter.width, .height = cutter.height, .channels = 4, .pixels = {}};
  all.pixels.resize(4 * cutter.depth.size());
  for (size_t i = 0; i < cutter.depth.size(); ++i) {
    if (cutter.depth[i] == 0) continue;
    uint8_t* to = all.pixels.data() + 4 * i;
    std::copy_n(cutter.pixel(i), 3, to);
    to[3] = 255;
  }
  for (const size_t i : cutter.edge) {
    if (cutter.depth[i] >= kSolid - 1) continue;  // deep enough to be its own colour
    const Mix mix = unmix(cutter, i);
    uint8_t* to = all.pixels.data() + 4 * i;
    if (mix.alpha > 0.95) continue;
    std::copy_n(mix.colour, 3, to);
    to[3] = mix.alpha < kLeastAlpha ? 0 : static_cast<uint8_t>(std::lround(255 * mix.alpha));
  }
  return all;
}

/// Share of the object's outermost pixels that lie before a pale part of it.
double pale_edge(const Cutter& cutter) {
  int64_t edges = 0, pale = 0;
  for (const size_t i : cutter.edge) {
    if (cutter.depth[i] != 1) continue;
    const std::array<int, 3> own = from_white(unmix(cutter, i).colour);
    ++edges;
    pale += std::max({own[0], own[1], own[2]}) < kPale ? 1 : 0;
  }
  return edges == 0 ? 0 : static_cast<double>(pale) / static_cast<double>(edges);
}

formats::Image tight(const formats::Image& image) {
  int left = image.width, right = -1, top = image.height, bottom = -1;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (image.pixels[4 * (static_cast<size_t>(y) * static_cast<size_t>(image.width) + x) + 3] ==
          0)
        continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  }
  formats::Image cut{.width = std::max(right - left + 1, 0),
                     .height = std::max(bottom - top + 1, 0),
                     .channels = 4,
                     .pixels = {}};
  for (int y = top; y <= bottom; ++y) {
    const uint8_t* row = image.pixels.data() + static_cast<size_t>(y) * image.row_bytes();
    cut.pixels.insert(cut.pixels.end(), row + 4 * left, row + 4 * (right + 1));
  }
  return cut;
}

}  // namespace

std::string_view to_string(NoCutOut reason) {
  constexpr std::string_view kTexts[] = {"no white background", "object touches the border",
                                         "nothing but white", "object is mostly white",
                                         "object has a pale outline"};
  return kTexts[static_cast<size_t>(reason)];
}

tl::expected<CutOut, NoCutOut> cut_out(const formats::Image& picture) {
  EF_CHECK(picture.channels == 3 && picture.width >= 8 && picture.height >= 8, "an RGB picture");
  Cutter cutter(picture);
  cutter.flood();
  const double border = cutter.border_share();
  if (border > kBorderOfObject) return tl::unexpected(NoCutOut::no_white_background);
  if (border > 0) return tl::unexpected(NoCutOut::touches_border);
  cutter.measure_depth();
  CutOut result{.image = tight(rgba_of(cutter))};
  int64_t object = 0, white = 0;
  for (size_t i = 0; i < result.image.pixels.size(); i += 4) {
    const uint8_t* p = result.image.pixels.data() + i;
    if (p[3] < 128) continue;
    ++object;
    white += std::min({p[0], p[1], p[2]}) >= kWhiteObject ? 1 : 0;
  }
  if (object == 0) return tl::unexpected(NoCutOut::empty);
  result.coverage = static_cast<double>(object) / static_cast<double>(cutter.depth.size());
  if (static_cast<double>(white) > kMostWhite * static_cast<double>(object)) {
    return tl::unexpected(NoCutOut::mostly_white);
  }
  if (pale_edge(cutter) > kMostPaleEdge) return tl::unexpected(NoCutOut::pale_outline);
  return result;
}

}  // namespace edgefusion::data
