#include "quant/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "drawing/chart_axis.h"
#include "drawing/html_text.h"
#include "drawing/svg.h"

namespace edgefusion::quant {
namespace {

using drawing::escaped;
using drawing::fixed;
using drawing::open_svg;
using drawing::svg_at;
using drawing::svg_line;
using drawing::svg_text;

bool drawable(const ReportPoint& point) {
  return std::fabs(point.cost) <= drawing::kLargestValue &&
         std::fabs(point.sqnr_db) <= drawing::kLargestValue;
}

/// Both ends of a long name; each byte that goes is one of ASCII or of a whole character.
std::string shortened(const std::string& name) {
  constexpr size_t kMost = 58, kStart = 24, kEnd = 32;
  if (name.size() <= kMost) return name;
  size_t start = kStart, end = name.size() - kEnd;
  const auto is_inside = [&](size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80;
  };
  while (start > 0 && is_inside(start)) --start;
  while (end < name.size() && is_inside(end)) ++end;
  return name.substr(0, start) + "…" + name.substr(end);
}

}  // namespace

std::string pareto_chart(const ReportCurve& curve) {
  std::vector<ReportPoint> points;
  std::ranges::copy_if(curve.points, std::back_inserter(points), drawable);
  const std::string title = "Expected SQNR against " + curve.cost;
  if (points.empty()) return open_svg("pareto", drawing::SvgPlot().width, 30, title) + "</svg>";
  const auto [cheap, dear] = std::ranges::minmax(points, {}, &ReportPoint::cost);
  const auto [worst, best] = std::ranges::minmax(points, {}, &ReportPoint::sqnr_db);
  constexpr double kMargin = 0.05;
  constexpr int kTicks = 7;
  const drawing::SvgPlot plot{
      drawing::make_linear_axis(cheap.cost, dear.cost, kMargin, kTicks),
      drawing::make_linear_axis(worst.sqnr_db, best.sqnr_db, kMargin, kTicks)};
  std::string svg = open_svg("pareto", plot.width, plot.height, title) +
                    plot.axes(curve.cost + ", " + curve.unit, "expected SQNR, dB");
  svg += "<polyline class=\"curve\" points=\"";
  for (const ReportPoint& point : points) {
    svg += svg_at(plot.px(point.cost)) + "," + svg_at(plot.py(point.sqnr_db)) + " ";
  }
  svg += "\"/>";
  // The chosen one comes last, above all others.
  std::stable_partition(points.begin(), points.end(),
                        [](const ReportPoint& point) { return !point.chosen; });
  for (const ReportPoint& point : points) {
    svg += std::string("<circle class=\"") + (point.chosen ? "chosen" : "point") + "\" cx=\"" +
           svg_at(plot.px(point.cost)) + "\" cy=\"" + svg_at(plot.py(point.sqnr_db)) + "\" r=\"" +
           (point.chosen ? "7" : "2.5") + "\"><title>" +
           escaped(fixed(point.cost, 2) + " " + curve.unit) + ", " + fixed(point.sqnr_db, 1) +
           " dB" + (point.chosen ? ", chosen" : "") + "</title></circle>";
  }
  return svg + "</svg>";
}

std::string bar_chart(const std::vector<ChartBar>& bars, const std::string& unit) {
  constexpr double kWidth = 760, kLabels = 400, kNumbers = 80, kRow = 18;
  double most = 0;
  for (const ChartBar& bar : bars) {
    if (std::isfinite(bar.value)) most = std::max(most, bar.value);
  }
  std::string svg =
      open_svg("bars", kWidth, kRow * static_cast<double>(bars.size()) + 4, "Bars in " + unit);
  double y = 2;
  for (const ChartBar& bar : bars) {
    const double share = std::isfinite(bar.value) && most > 0 ? std::max(bar.value, 0.0) / most : 0;
    const double length = share * (kWidth - kLabels - kNumbers);
    svg += svg_text(kLabels - 8, y + kRow - 5, "end", shortened(bar.label)) +
           "<rect class=\"bar\" x=\"" + svg_at(kLabels) + "\" y=\"" + svg_at(y + 3) + "\" width=\"" +
           svg_at(length) + "\" height=\"" + svg_at(kRow - 6) + "\"><title>" + escaped(bar.label) +
           "</title></rect>" +
           svg_text(kLabels + length + 6, y + kRow - 5, "start", fixed(bar.value, 1) + " " + unit);
    y += kRow;
  }
  return svg + "</svg>";
}

std::string histogram_chart(const ReportActivation& activation) {
  constexpr double kWidth = 132, kHeight = 34;
  const double range = activation.highest - activation.lowest;
  std::string svg = open_svg("histogram", kWidth, kHeight, "Histogram of the inputs");
  const auto& counts = activation.histogram;
  if (counts.empty() || !std::isfinite(range) || range <= 0) return svg + "</svg>";
  const double most = *std::ranges::max_element(counts);
  const auto x_of = [&](double value) {
    return std::clamp((value - activation.lowest) / range, 0.0, 1.0) * kWidth;
  };
  const double low = x_of(activation.low), high = x_of(activation.high);
  const double column = kWidth / static_cast<double>(counts.size());
  // Two shapes: what is kept, and what lies beyond the range.
  std::string kept, cut;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] > 0)) continue;
    const double x = column * static_cast<double>(i), middle = x + column / 2;
    const double height = std::max(std::sqrt(counts[i] / most) * kHeight, 1.0);
    (middle < low || middle > high ? cut : kept) += "M" + svg_at(x) + " " + svg_at(kHeight) + "v-" +
                                                    svg_at(height) + "h" + svg_at(column) + "v" +
                                                    svg_at(height) + "z";
  }
  svg += "<path class=\"kept\" d=\"" + kept + "\"/>";
  if (!cut.empty()) svg += "<path class=\"cut\" d=\"" + cut + "\"/>";
  svg += svg_line("limit", low, 0, low, kHeight) + svg_line("limit", high, 0, high, kHeight);
  return svg + "</svg>";
}

}  // namespace edgefusion::quant
