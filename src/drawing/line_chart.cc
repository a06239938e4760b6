#include "drawing/line_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/result.h"
#include "drawing/bitmap_font.h"
#include "drawing/chart_axis.h"
#include "drawing/chart_legend.h"

namespace edgefusion::drawing {
namespace {

constexpr Colour kText{40, 40, 40};
constexpr Colour kQuiet{120, 120, 120};  // labels of the axes
constexpr Colour kAxis{90, 90, 90};
constexpr Colour kGrid{230, 230, 230};
constexpr double kMarginY = 0.05;  // of the range, so that a line does not lie on the edge
constexpr double kFaint = 0.3;     // opacity of the points beneath a smoothed line

// Colours that people who see few of them can tell apart. Source: Okabe and Ito 2008, without
// yellow, which is too light on white.
constexpr Colour kPalette[] = {{0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
                               {230, 159, 0}, {86, 180, 233}, {60, 60, 60}};

/// What is drawn of a series.
struct Curve {
  std::vector<Point> points;
  std::vector<Point> smooth;  ///< empty without smoothing
  Colour colour;
};

std::vector<Point> drawable_points(const ChartSeries& series, bool log_y) {
  std::vector<Point> points;
  for (const Point& p : series.points) {
    // Not a number compares as false.
    if (!(std::abs(p.x) <= kLargestValue && std::abs(p.y) <= kLargestValue)) continue;
    if (log_y && p.y < std::numeric_limits<double>::min()) continue;
    points.push_back(p);
  }
  return points;
}

/// Each y is the mean of the `count` points around it. Summed anew each time: a running sum would
/// keep the rounding error of a huge value for ever.
std::vector<Point> smoothed(const std::vector<Point>& points, size_t count) {
  std::vector<Point> means;
  const size_t before = (count - 1) / 2, after = count / 2;
  for (size_t i = 0; i < points.size(); ++i) {
    const size_t begin = i - std::min(i, before);
    const size_t end = i + std::min(points.size() - 1 - i, after) + 1;
    const auto share = 1.0 / static_cast<double>(end - begin);
    double mean = 0;
    for (size_t j = begin; j < end; ++j) mean += points[j].y * share;
    means.push_back({points[i].x, mean});
  }
  return means;
}

std::vector<Curve> curves_of(std::span<const ChartSeries> series, const LineChartOptions& options) {
  std::vector<Curve> curves;
  for (size_t i = 0; i < series.size(); ++i) {
    Curve curve{.points = drawable_points(series[i], options.log_y),
                .smooth = {},
                .colour = series_colour(i)};
    if (options.smoothing > 1) curve.smooth = smoothed(curve.points, options.smoothing);
    curves.push_back(std::move(curve));
  }
  return curves;
}

struct Bounds {
  Point low{std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
  Point high{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::lowest()};

  bool empty() const { return low.x > high.x; }
};

Bounds bounds_of(const std::vector<Curve>& curves) {
  Bounds b;
  for (const Curve& curve : curves) {
    for (const Point& p : curve.points) {
      b.low = {std::min(b.low.x, p.x), std::min(b.low.y, p.y)};
      b.high = {std::max(b.high.x, p.x), std::max(b.high.y, p.y)};
    }
  }
  return b;
}

/// The axes and the pixels between them, the outermost of which stand for the ends of the axes.
struct Plot {
  Rectangle area;
  ChartAxis x;
  ChartAxis y;

  double column(double value) const { return area.x + x.fraction(value) * (area.width - 1); }
  double row(double value) const { return area.y + (1 - y.fraction(value)) * (area.height - 1); }
  int bottom() const { return area.y + area.height - 1; }
};

Plot arranged(const Bounds& bounds, int top, const LineChartOptions& options) {
  const int scale = options.text_scale;
  const int margin = 8 * scale;
  const int below = margin + kLineHeight * scale * (options.x_label.empty() ? 1 : 2);
  Plot plot;
  plot.area.y = top;
  plot.area.height = options.height - top - below;
  const int most_y = std::clamp(plot.area.height / (22 * scale), 3, 12);
  if (options.log_y) {
    plot.y = bounds.empty() ? make_log_axis(1, 10, 0, most_y)
                            : make_log_axis(bounds.low.y, bounds.high.y, kMarginY, most_y);
  } else {
    plot.y = bounds.empty() ? make_linear_axis(0, 1, 0, most_y)
                            : make_linear_axis(bounds.low.y, bounds.high.y, kMarginY, most_y);
  }
  int widest = 0;
  for (const AxisTick& tick : plot.y.ticks) {
    widest = std::max(widest, text_width(tick.label, scale));
  }
  // Numbers of many digits have long labels; the plot keeps half of the width whatever they are.
  plot.area.x = std::min(margin + widest + 5 * scale, options.width / 2);
  plot.area.width = options.width - plot.area.x - 2 * margin;
  const int most_x = std::clamp(plot.area.width / (44 * scale), 2, 12);
  plot.x = bounds.empty() ? make_linear_axis(0, 1, 0, most_x)
                          : make_linear_axis(bounds.low.x, bounds.high.x, 0, most_x);
  return plot;
}

void draw_axes(formats::Image& image, const Plot& plot, int scale) {
  const Rectangle& area = plot.area;
  const int thickness = (scale + 1) / 2, tick_length = 2 * scale;
  for (const AxisTick& tick : plot.y.ticks) {
    const int y = static_cast<int>(std::lround(plot.row(tick.value)));
    fill_rectangle(image, {area.x, y, area.width, thickness}, kGrid);
    fill_rectangle(image, {area.x - tick_length, y, tick_length, thickness}, kAxis);
    draw_text(image, area.x - tick_length - 2 * scale - text_width(tick.label, scale),
              y - kCapHeight * scale / 2, tick.label, kText, scale);
  }
  for (const AxisTick& tick : plot.x.ticks) {
    const int x = static_cast<int>(std::lround(plot.column(tick.value)));
    fill_rectangle(image, {x, area.y, thickness, area.height}, kGrid);
    fill_rectangle(image, {x, plot.bottom() + 1, thickness, tick_length}, kAxis);
    const int width = text_width(tick.label, scale);
    draw_text(image, std::clamp(x - width / 2, 0, std::max(0, image.width - width)),
              plot.bottom() + tick_length + 3 * scale, tick.label, kText, scale);
  }
  fill_rectangle(image, {area.x, area.y, thickness, area.height}, kAxis);
  fill_rectangle(image, {area.x, plot.bottom(), area.width, thickness}, kAxis);
}

void draw_curve(formats::Image& image, const Plot& plot, const std::vector<Point>& points,
                const LineStyle& style) {
  std::vector<Point> places;
  places.reserve(points.size());
  for (const Point& p : points) places.push_back({plot.column(p.x), plot.row(p.y)});
  if (places.size() == 1) {
    draw_line(image, places[0], places[0], {.colour = style.colour, .width = 4 * style.width});
  } else {
    draw_polyline(image, places, style);
  }
}

void draw_curves(formats::Image& image, const Plot& plot, const std::vector<Curve>& curves,
                 int scale) {
  const double width = 0.5 + 0.75 * scale;
  for (const Curve& curve : curves) {
    if (curve.smooth.size() < 2) continue;
    draw_curve(image, plot, curve.points,
               {.colour = curve.colour, .width = 0.5 + 0.5 * scale, .opacity = kFaint});
  }
  for (const Curve& curve : curves) {
    draw_curve(image, plot, curve.smooth.empty() ? curve.points : curve.smooth,
               {.colour = curve.colour, .width = width});
  }
}

/// The title, the legend and the label of the y axis, from the top down. Returns where the plot
/// begins.
int draw_head(formats::Image& image, std::span<const ChartSeries> series,
              const LineChartOptions& options) {
  const int scale = options.text_scale, margin = 8 * scale, line = kLineHeight * scale;
  const int room = image.width - 2 * margin;
  int y = margin;
  if (!options.title.empty()) {
    const std::string title = cut_text(options.title, room, scale);
    draw_text(image, margin, y, title, kBlack, scale);
    draw_text(image, margin + (scale + 1) / 2, y, title, kBlack, scale);  // bold
    y += line + 3 * scale;
  }
  const std::vector<LegendEntry> legend = legend_entries(series, room, scale);
  draw_legend(image, margin, y, legend, scale);
  if (!legend.empty()) y += (legend.back().line + 1) * line + 3 * scale;
  if (!options.y_label.empty()) {
    draw_text(image, margin, y, cut_text(options.y_label, room, scale), kQuiet, scale);
    y += line + 2 * scale;
  }
  return y + scale;
}

}  // namespace

Colour series_colour(size_t index) { return kPalette[index % std::size(kPalette)]; }

formats::Image line_chart(std::span<const ChartSeries> series, const LineChartOptions& options) {
  const int scale = options.text_scale;
  EF_CHECK(scale >= 1 && scale <= kMostChartScale, std::to_string(scale));
  EF_CHECK(options.width >= 160 * scale && options.height >= 120 * scale,
           std::to_string(options.width) + "x" + std::to_string(options.height));
  EF_CHECK(options.smoothing >= 1, "smoothing over no points");
  formats::Image image = blank_image(options.width, options.height);
  const std::vector<Curve> curves = curves_of(series, options);
  const Bounds bounds = bounds_of(curves);
  const Plot plot = arranged(bounds, draw_head(image, series, options), options);
  draw_axes(image, plot, scale);
  draw_curves(image, plot, curves, scale);
  const auto centred = [&](int left, int width, int y, const std::string& text) {
    const std::string line = cut_text(text, width, scale);
    draw_text(image, left + (width - text_width(line, scale)) / 2, y, line, kQuiet, scale);
  };
  centred(plot.area.x, plot.area.width, image.height - (4 + kGlyphHeight) * scale, options.x_label);
  if (bounds.empty()) {
    centred(plot.area.x, plot.area.width, plot.area.y + plot.area.height / 2, "no data");
  }
  return image;
}

}  // namespace edgefusion::drawing
