#include "profile/roofline_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "drawing/svg.h"
#include "profile/op_family.h"
#include "profile/rollup.h"

namespace edgefusion::profile {
namespace {

using drawing::SvgPlot;
using engine::Precision;

constexpr double kWidth = 860, kHeight = 460, kGiga = 1e9;

struct Point {
  const Part* part;
  double intensity, gmacs_per_s, ms;
};

std::vector<Point> points_of(const Profile& profile) {
  std::vector<Point> points;
  for (const Part& part : profile.parts) {
    const double ms = part.time.median();
    if (part.cost.macs <= 0 || part.cost.bytes() <= 0 || !(ms > 0)) continue;
    points.push_back(
        {&part, part.cost.intensity(), static_cast<double>(part.cost.macs) / ms / 1e6, ms});
  }
  // Small ones above large ones.
  std::ranges::stable_sort(points, std::greater(), &Point::ms);
  return points;
}

struct Ranges {
  double least_x = 1, most_x = 100, least_y = 1, most_y = 1;
};

Ranges ranges_of(const std::vector<Point>& points, const Profile& profile,
                 const std::set<Precision>& used) {
  Ranges ranges;
  for (const Point& point : points) {
    ranges.least_x = std::min(ranges.least_x, point.intensity);
    ranges.most_x = std::max(ranges.most_x, point.intensity);
    ranges.most_y = std::max(ranges.most_y, point.gmacs_per_s);
  }
  for (const Precision precision : used) {
    ranges.most_y = std::max(ranges.most_y, profile.machine.macs_per_s(precision) / kGiga);
  }
  // What is slower than that would press all else together.
  ranges.least_y = ranges.most_y / 2000;
  for (const Point& point : points) {
    ranges.least_y = std::min(ranges.least_y, std::max(point.gmacs_per_s, ranges.most_y / 20000));
  }
  return ranges;
}

/// Where the bandwidth's slope meets the peak, from the left edge on.
std::string roofs(const SvgPlot& plot, const Profile& profile, const std::set<Precision>& used) {
  std::string svg;
  double highest = 0;
  for (const Precision precision : used) {
    const double peak = profile.machine.macs_per_s(precision) / kGiga;
    if (!(peak > plot.y.low)) continue;
    highest = std::max(highest, peak);
    const double bandwidth = profile.machine.read_bytes_per_s / kGiga;
    const double from = bandwidth > 0 ? std::max(peak / bandwidth, plot.x.low) : plot.x.low;
    if (from < plot.x.high) {
      svg += drawing::svg_line("roof", plot.px(from), plot.py(peak), plot.px(plot.x.high),
                               plot.py(peak));
    }
    // Peaks that are close together have their words on both sides of the line.
    const bool is_below = std::ranges::any_of(used, [&](Precision other) {
      const double that = profile.machine.macs_per_s(other) / kGiga;
      return that > peak && std::fabs(plot.py(that) - plot.py(peak)) < 18;
    });
    svg += drawing::svg_text(plot.px(plot.x.high) - 4, plot.py(peak) + (is_below ? 14 : -5), "end",
                             fmt::format("{} {:.0f} GMAC/s", engine::to_string(precision), peak),
                             "strong");
  }
  const double slope = profile.machine.read_bytes_per_s / kGiga;
  if (!(slope > 0) || !(highest > 0)) return svg;
  const double from = std::max(plot.x.low, plot.y.low / slope);
  const double to = std::min(plot.x.high, highest / slope);
  if (from >= to) return svg;
  svg += drawing::svg_line("slope", plot.px(from), plot.py(from * slope), plot.px(to),
                           plot.py(to * slope));
  const double middle = std::sqrt(from * to);
  return svg + drawing::svg_text(plot.px(middle) - 8, plot.py(middle * slope) - 6, "end",
                                 fmt::format("memory {:.1f} GB/s", slope), "strong");
}

std::string tip(const Point& point, const Machine& machine) {
  const Row row = row_of(*point.part, machine);
  return fmt::format("{}/{}\n{}, {}: {:.3f} ms, {:.0f} GMAC/s, {:.1f} MAC/byte, {:.0f} % of peak",
                     point.part->network, point.part->name, point.part->op_class,
                     engine::to_string(point.part->arithmetic), point.ms, point.gmacs_per_s,
                     point.intensity, 100 * peak_share(row));
}

}  // namespace

std::string roofline_chart(const Profile& profile) {
  const std::vector<Point> points = points_of(profile);
  std::set<Precision> used;
  for (const Point& point : points) used.insert(point.part->arithmetic);
  if (points.empty()) return "";
  const Ranges ranges = ranges_of(points, profile, used);
  constexpr double kMargin = 0.05;
  constexpr int kTicks = 8;
  const SvgPlot plot{drawing::make_log_axis(ranges.least_x, ranges.most_x, kMargin, kTicks),
                     drawing::make_log_axis(ranges.least_y, ranges.most_y, kMargin, kTicks), kWidth,
                     kHeight};
  std::string svg = drawing::open_svg("roofline", kWidth, kHeight, "Roofline of all steps") +
                    plot.axes("MAC for each byte read or written", "GMAC/s") +
                    roofs(plot, profile, used);
  for (const Point& point : points) {
    const double share = point.ms / std::max(profile.whole.median(), 1e-9);
    const double radius = std::clamp(40 * std::sqrt(share), 2.0, 24.0);
    const double y = std::max(point.gmacs_per_s, plot.y.low);
    svg += drawing::svg_circle(std::string(family_of(point.part->op_class).style),
                               plot.px(point.intensity), plot.py(y), radius,
                               tip(point, profile.machine));
  }
  return svg + "</svg>";
}

}  // namespace edgefusion::profile
