// draw_line and draw_polyline of canvas.h.
//
// A line is first gathered as coverage, the share of each pixel that it covers, and then blended in
// one go: joints and crossings of a faint line do not show.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "drawing/canvas.h"

namespace edgefusion::drawing {
namespace {

constexpr double kFarthest = 1e9;  // pixels; differences and squares stay far from overflow

bool drawable(Point p) { return std::abs(p.x) <= kFarthest && std::abs(p.y) <= kFarthest; }

/// Shares of pixels, 0 to 1, of a part of a picture.
class Coverage {
 public:
  explicit Coverage(const Rectangle& area)
      : area_(area),
        shares_(static_cast<size_t>(area.width) * static_cast<size_t>(area.height), 0.0F) {}

  const Rectangle& area() const { return area_; }
  float& at(int x, int y) {
    return shares_[static_cast<size_t>(y - area_.y) * static_cast<size_t>(area_.width) +
                   static_cast<size_t>(x - area_.x)];
  }

 private:
  Rectangle area_;
  std::vector<float> shares_;
};

struct Segment {
  Point from;
  Point to;
};

/// Cuts one edge of a box off a segment given as from + t * step, t in [t0, t1]. False: nothing
/// left.
bool clip_edge(double step, double room, double& t0, double& t1) {
  if (step == 0) return room >= 0;
  const double t = room / step;
  if (step < 0) {
    t0 = std::max(t0, t);
  } else {
    t1 = std::min(t1, t);
  }
  return t0 <= t1;
}

/// The part of the segment within `reach` of the area, so that far points cost no time.
/// Source: Liang and Barsky 1984.
std::optional<Segment> clipped(const Segment& s, const Rectangle& area, double reach) {
  const Point step{s.to.x - s.from.x, s.to.y - s.from.y};
  const double left = area.x - reach, right = area.x + area.width + reach;
  const double top = area.y - reach, bottom = area.y + area.height + reach;
  double t0 = 0, t1 = 1;
  if (!clip_edge(-step.x, s.from.x - left, t0, t1) ||
      !clip_edge(step.x, right - s.from.x, t0, t1) || !clip_edge(-step.y, s.from.y - top, t0, t1) ||
      !clip_edge(step.y, bottom - s.from.y, t0, t1)) {
    return std::nullopt;
  }
  return Segment{{s.from.x + t0 * step.x, s.from.y + t0 * step.y},
                 {s.from.x + t1 * step.x, s.from.y + t1 * step.y}};
}

double distance(const Segment& s, Point p) {
  const double dx = s.to.x - s.from.x, dy = s.to.y - s.from.y;
  const double square = dx * dx + dy * dy;
  const double along = (p.x - s.from.x) * dx + (p.y - s.from.y) * dy;
  const double t = square > 0 ? std::clamp(along / square, 0.0, 1.0) : 0.0;
  return std::hypot(p.x - s.from.x - t * dx, p.y - s.from.y - t * dy);
}

/// Whole numbers within [low, high] and [start, start + length).
std::pair<int, int> whole_within(double low, double high, int start, int length) {
  const double last = start + length - 1.0;
  return {static_cast<int>(std::max<double>(std::floor(low), start)),
          static_cast<int>(std::min(std::ceil(high), last))};
}

/// Walks along the longer axis and looks only at the pixels near the line.
void cover(Coverage& coverage, const Segment& whole, double radius) {
  const std::optional<Segment> part = clipped(whole, coverage.area(), radius + 2);
  if (!part) return;
  const auto [from, to] = *part;
  const Rectangle& area = coverage.area();
  const bool steep = std::abs(to.y - from.y) > std::abs(to.x - from.x);
  // u runs along the longer axis, v across it.
  const double u0 = steep ? from.y : from.x, u1 = steep ? to.y : to.x;
  const double v0 = steep ? from.x : from.y, v1 = steep ? to.x : to.y;
  const double reach = radius + 1;
  const double wide = 1.5 * reach;  // across a line of 45 degrees it is sqrt(2) times as wide
  const auto [first, last] =
      whole_within(std::min(u0, u1) - reach, std::max(u0, u1) + reach, steep ? area.y : area.x,
                   steep ? area.height : area.width);
  for (int u = first; u <= last; ++u) {
    const double t = u0 == u1 ? 0 : std::clamp((u - u0) / (u1 - u0), 0.0, 1.0);
    const double middle = v0 + t * (v1 - v0);
    const auto [begin, end] = whole_within(middle - wide, middle + wide, steep ? area.x : area.y,
                                           steep ? area.width : area.height);
    for (int v = begin; v <= end; ++v) {
      const int x = steep ? v : u, y = steep ? u : v;
      const double away = distance(*part, {static_cast<double>(x), static_cast<double>(y)});
      float& share = coverage.at(x, y);
      share = std::max(share, static_cast<float>(std::clamp(radius + 0.5 - away, 0.0, 1.0)));
    }
  }
}

void blend(formats::Image& image, Coverage& coverage, Colour colour, double opacity) {
  const Rectangle& area = coverage.area();
  const auto mixed = [](uint8_t under, uint8_t over, double share) {
    return static_cast<uint8_t>(std::lround(under + (over - under) * share));
  };
  for (int y = area.y; y < area.y + area.height; ++y) {
    for (int x = area.x; x < area.x + area.width; ++x) {
      const double share = opacity * coverage.at(x, y);
      if (share <= 0) continue;
      uint8_t* to = image.pixels.data() + static_cast<size_t>(y) * image.row_bytes() +
                    3 * static_cast<size_t>(x);
      to[0] = mixed(to[0], colour.red, share);
      to[1] = mixed(to[1], colour.green, share);
      to[2] = mixed(to[2], colour.blue, share);
    }
  }
}

/// The part of the picture that the line can touch.
Rectangle touched(const formats::Image& image, std::span<const Point> points, double reach) {
  double left = kFarthest, right = -kFarthest, top = kFarthest, bottom = -kFarthest;
  for (const Point& p : points) {
    if (!drawable(p)) continue;
    left = std::min(left, p.x);
    right = std::max(right, p.x);
    top = std::min(top, p.y);
    bottom = std::max(bottom, p.y);
  }
  const auto limited = [](double value, int limit) {
    return static_cast<int>(std::clamp<double>(value, 0, limit));
  };
  const int x0 = limited(std::floor(left - reach), image.width);
  const int x1 = limited(std::ceil(right + reach) + 1, image.width);
  const int y0 = limited(std::floor(top - reach), image.height);
  const int y1 = limited(std::ceil(bottom + reach) + 1, image.height);
  return {x0, y0, std::max(x1 - x0, 0), std::max(y1 - y0, 0)};
}

}  // namespace

void draw_line(formats::Image& image, Point from, Point to, const LineStyle& style) {
  const Point points[] = {from, to};
  draw_polyline(image, points, style);
}

void draw_polyline(formats::Image& image, std::span<const Point> points, const LineStyle& style) {
  EF_CHECK(image.channels == 3 &&
               image.pixels.size() == image.row_bytes() * static_cast<size_t>(image.height),
           "expected an RGB picture");
  EF_CHECK(style.width > 0 && style.width <= kFarthest, std::to_string(style.width));
  EF_CHECK(style.opacity >= 0 && style.opacity <= 1, std::to_string(style.opacity));
  const double radius = style.width / 2;
  const Rectangle area = touched(image, points, radius + 1);
  if (area.width == 0 || area.height == 0) return;
  Coverage coverage(area);
  if (points.size() == 1) cover(coverage, {points[0], points[0]}, radius);
  for (size_t i = 1; i < points.size(); ++i) {
    if (!drawable(points[i - 1]) || !drawable(points[i])) continue;
    cover(coverage, {points[i - 1], points[i]}, radius);
  }
  blend(image, coverage, style.colour, style.opacity);
}

}  // namespace edgefusion::drawing
