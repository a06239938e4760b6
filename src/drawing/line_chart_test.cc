#include "drawing/line_chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "drawing/bitmap_font.h"
#include "drawing/chart_legend.h"
#include "drawing/testing/pictures.h"

namespace edgefusion::drawing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Colour kAxisColour{90, 90, 90};
const LineChartOptions kSmall{.width = 400, .height = 240, .text_scale = 1};

/// Covered by at least half by the first series' line, which is blue.
bool is_line(const formats::Image& chart, int x, int y) {
  const Colour c = colour_at(chart, x, y);
  return c.red < 128 && c.blue > 150;
}

/// Where the axes meet and the marks stand, found by their colour, the marks at their outer end,
/// for a line may begin on the inner one.
struct Frame {
  int left = 0;
  int bottom = 0;
  std::vector<int> tick_columns;
  std::vector<int> tick_rows;  ///< from the bottom up
};

int longest(const formats::Image& chart, bool columns) {
  int best = 0, most = -1;
  for (int i = 0; i < (columns ? chart.width : chart.height); ++i) {
    int count = 0;
    for (int j = 0; j < (columns ? chart.height : chart.width); ++j) {
      count += (columns ? colour_at(chart, i, j) : colour_at(chart, j, i)) == kAxisColour ? 1 : 0;
    }
    if (count > most) {
      most = count;
      best = i;
    }
  }
  return best;
}

Frame frame_of(const formats::Image& chart) {
  Frame frame{.left = longest(chart, true), .bottom = longest(chart, false)};
  for (int x = 0; x < chart.width; ++x) {
    if (colour_at(chart, x, frame.bottom + 2) == kAxisColour) frame.tick_columns.push_back(x);
  }
  for (int y = chart.height - 1; y >= 0; --y) {
    if (colour_at(chart, frame.left - 2, y) == kAxisColour) frame.tick_rows.push_back(y);
  }
  return frame;
}

/// The middle of the line's pixels in a column; -1 without any.
double line_row(const formats::Image& chart, int x) {
  double sum = 0;
  int count = 0;
  for (int y = 0; y < chart.height; ++y) {
    if (!is_line(chart, x, y)) continue;
    sum += y;
    ++count;
  }
  return count == 0 ? -1 : sum / count;
}

formats::Image chart_of(std::vector<Point> points, const LineChartOptions& options = kSmall) {
  const ChartSeries series{.name = "", .points = std::move(points)};
  return line_chart(std::span(&series, 1), options);
}

TEST(LineChart, TheLinePassesThroughItsPoints) {
  const formats::Image chart = chart_of({{0, 0}, {10, 40}, {20, 20}, {30, 30}});
  const Frame frame = frame_of(chart);
  ASSERT_EQ(frame.tick_rows.size(), 9u);     // 0, 5, ..., 40
  ASSERT_EQ(frame.tick_columns.size(), 7u);  // 0, 5, ..., 30
  EXPECT_NEAR(line_row(chart, frame.tick_columns[2]), frame.tick_rows[8], 1.5);
  EXPECT_NEAR(line_row(chart, frame.tick_columns[4]), frame.tick_rows[4], 1);
  EXPECT_NEAR(line_row(chart, frame.tick_columns[6]), frame.tick_rows[6], 1);
  EXPECT_TRUE(is_line(chart, frame.left + 1, frame.bottom - 2));
  EXPECT_NEAR(line_row(chart, frame.tick_columns[3]), frame.tick_rows[6], 1);  // half way down
}

TEST(LineChart, AConstantLineIsStraightAcrossThePlot) {
  const formats::Image chart = chart_of({{0, 3}, {7, 3}});
  const Frame frame = frame_of(chart);
  const double row = line_row(chart, frame.left + 5);
  EXPECT_GT(row, 0);
  for (int x = frame.left + 1; x <= frame.tick_columns.back(); ++x) {
    EXPECT_EQ(line_row(chart, x), row) << x;
  }
}

TEST(LineChart, OnePointIsADot) {
  const formats::Image chart = chart_of({{5, 3}});
  int covered = 0;
  for (int y = 0; y < chart.height; ++y) {
    for (int x = 0; x < chart.width; ++x) covered += is_line(chart, x, y) ? 1 : 0;
  }
  EXPECT_GT(covered, 12);
  EXPECT_LT(covered, 60);
  const Frame frame = frame_of(chart);
  const int right = chart.width - 17;
  EXPECT_GT(line_row(chart, (frame.left + right) / 2), 0);  // in the middle of the axis
}

TEST(LineChart, PointsThatAreNotFiniteAreLeftOut) {
  const formats::Image clean = chart_of({{0, 1}, {10, 4}, {20, 2}});
  const formats::Image found = chart_of({{-5, kNan},
                                         {0, 1},
                                         {kNan, 9},
                                         {5, kInfinity},
                                         {10, 4},
                                         {15, -kInfinity},
                                         {20, 2},
                                         {kInfinity, 1},
                                         {1e301, 3}});
  EXPECT_EQ(found.pixels, clean.pixels);
  EXPECT_EQ(chart_of({{0, kNan}, {kInfinity, 1}}).pixels, chart_of({}).pixels);
}

TEST(LineChart, AnExponentialIsStraightOnALogarithmicAxis) {
  LineChartOptions options = kSmall;
  options.log_y = true;
  std::vector<Point> points;
  for (int i = 0; i <= 60; ++i) points.push_back({i * 1.0, 100 * std::exp(-0.2 * i)});
  const formats::Image chart = chart_of(points, options);
  const int left = frame_of(chart).left + 2, right = chart.width - 19;
  const double first = line_row(chart, left), last = line_row(chart, right);
  ASSERT_GT(last, first + 50);
  for (int x = left; x <= right; ++x) {
    EXPECT_NEAR(line_row(chart, x), first + (last - first) * (x - left) / (right - left), 1.5) << x;
  }
}

TEST(LineChart, ALogarithmicAxisLeavesOutWhatIsNotAboveZero) {
  LineChartOptions options = kSmall;
  options.log_y = true;
  EXPECT_EQ(chart_of({{0, 10}, {1, 0}, {2, -4}, {3, 1}}, options).pixels,
            chart_of({{0, 10}, {3, 1}}, options).pixels);
  EXPECT_EQ(chart_of({{0, 0}, {1, -1}}, options).pixels, chart_of({}, options).pixels);
}

TEST(LineChart, SmoothingDrawsTheMeanOverFaintPoints) {
  std::vector<Point> points;
  for (int i = 0; i < 400; ++i) points.push_back({i * 1.0, i % 2 == 0 ? 1.0 : 3.0});
  LineChartOptions options = kSmall;
  options.smoothing = 50;
  const formats::Image chart = chart_of(points, options);
  const Frame frame = frame_of(chart);
  ASSERT_GE(frame.tick_rows.size(), 3u);
  ASSERT_EQ(frame.tick_rows.size() % 2, 1u);  // 1, 2, 3 or with halves between
  const int middle = frame.tick_rows[frame.tick_rows.size() / 2];
  const int top = frame.tick_rows.back();
  // The means of fewer points at the ends are off by a little.
  for (int x = frame.left + 30; x < chart.width - 50; x += 10) {
    EXPECT_NEAR(line_row(chart, x), middle, 1) << x;
    const Colour faint = colour_at(chart, x, (middle + top) / 2);
    EXPECT_TRUE(faint.red > 150 && faint.red < 220 && faint.blue > faint.red) << x;
  }
}

TEST(LineChart, AHugeValueDoesNotSpoilTheMeansAfterIt) {
  std::vector<Point> points = {{0, 1e12}};
  for (int i = 1; i < 100; ++i) points.push_back({i * 1.0, 1.0});
  LineChartOptions options = kSmall;
  options.log_y = true;
  options.smoothing = 5;
  const formats::Image chart = chart_of(points, options);
  const Frame frame = frame_of(chart);
  const double last = line_row(chart, chart.width - 19);
  EXPECT_NEAR(line_row(chart, chart.width / 2), last, 0.5);
  EXPECT_NEAR(last, frame.tick_rows.front(), 1);  // 1
}

TEST(LineChart, AnyInputGivesAPictureOfTheSizeAskedFor) {
  const std::string text = "a text that is far too long for a chart of this size, and goes on";
  std::vector<ChartSeries> many(50,
                                {.name = text, .points = {{0, 1e300}, {1e-300, -1e300}, {3, 0}}});
  for (const bool log_y : {false, true}) {
    for (int scale = 1; scale <= kMostChartScale; ++scale) {
      const LineChartOptions options{.width = 160 * scale,
                                     .height = 120 * scale,
                                     .title = text,
                                     .x_label = text,
                                     .y_label = text,
                                     .log_y = log_y,
                                     .smoothing = 7,
                                     .text_scale = scale};
      const formats::Image chart = line_chart(many, options);
      EXPECT_EQ(chart.width, options.width);
      EXPECT_EQ(chart.height, options.height);
      EXPECT_EQ(line_chart({}, options).width, options.width);
    }
  }
}

TEST(LineChart, WithoutPointsItSaysSo) {
  const formats::Image none = line_chart({}, kSmall);
  const Frame frame = frame_of(none);
  EXPECT_GE(frame.tick_rows.size(), 3u);
  formats::Image text = blank_image(60, kGlyphHeight);
  draw_text(text, 0, 0, "no data", {120, 120, 120});
  bool found = false;
  for (int y = 60; y < none.height - 60; ++y) {
    for (int x = 100; x < none.width - 100; ++x) {
      const int width = text_width("no data");
      found |= testing::cropped(none, {x, y, width, kCapHeight}).pixels ==
               testing::cropped(text, {0, 0, width, kCapHeight}).pixels;
    }
  }
  EXPECT_TRUE(found);
}

TEST(LineChart, TheEdgesStayWhite) {
  const ChartSeries series{.name = "loss", .points = {{0, 0.12345}, {123456, 0.2}}};
  LineChartOptions options = kSmall;
  options.title = "title";
  options.x_label = "step";
  options.y_label = "loss";
  const formats::Image chart = line_chart(std::span(&series, 1), options);
  const Rectangle drawn = testing::drawn_area(chart);
  EXPECT_GE(drawn.x, 4);
  EXPECT_GE(drawn.y, 4);
  EXPECT_LE(drawn.x + drawn.width, chart.width - 4);
  EXPECT_LE(drawn.y + drawn.height, chart.height - 2);
}

TEST(ChartLegend, NamesAreSetInLinesThatFit) {
  std::vector<ChartSeries> series;
  for (int i = 0; i < 30; ++i) series.push_back({"series " + std::to_string(i * i), {}});
  for (int width = 150; width < 2000; width += 37) {
    const std::vector<LegendEntry> entries = legend_entries(series, width, 1);
    ASSERT_FALSE(entries.empty());
    size_t shown = 0;
    for (const LegendEntry& entry : entries) {
      EXPECT_LT(entry.line, kLegendLines);
      const int line_width = entry.has_line ? 19 : 0;
      EXPECT_LE(entry.x + line_width + text_width(entry.text), width) << width;
      shown += entry.has_line ? 1 : 0;
    }
    if (shown < series.size()) {
      EXPECT_EQ(entries.back().text, "+" + std::to_string(series.size() - shown) + " more");
    }
  }
}

TEST(ChartLegend, SeriesWithoutANameAreNotListed) {
  const std::vector<ChartSeries> series = {{"", {}}, {"b", {}}};
  const std::vector<LegendEntry> entries = legend_entries(series, 300, 1);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].text, "b");
  EXPECT_EQ(entries[0].colour, series_colour(1));
}

}  // namespace
}  // namespace edgefusion::drawing
