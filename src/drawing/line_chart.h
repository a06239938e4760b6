#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "drawing/canvas.h"
#include "formats/image.h"

namespace edgefusion::drawing {

/// A named line through points in units of the axes, joined in their order.
struct ChartSeries {
  std::string name;  ///< in the legend; a series without a name is not listed there
  std::vector<Point> points;
};

inline constexpr int kMostChartScale = 8;

/// Texts are UTF-8, drawn with the bitmap font and cut where there is no room.
struct LineChartOptions {
  int width = 960;   ///< pixels, at least 160 * text_scale
  int height = 540;  ///< pixels, at least 120 * text_scale; width * height at most kMaxPixels
  std::string title;
  std::string x_label;
  std::string y_label;
  bool log_y = false;  ///< points with y <= 0 are then left out
  size_t smoothing =
      1;  ///< points; above 1 each line is a moving mean over so many of its points,
          ///< centred, fewer at its ends, and the points themselves a faint line beneath
  int text_scale = 2;  ///< 1 to kMostChartScale; lines and distances grow with it
};

/// The colour of the series of that index; after a few they repeat.
Colour series_colour(size_t index);

/// Draws the series over common axes, with ticks at round numbers, faint lines across the plot, a
/// legend and a title. The axes hold all points and a little more of y. A point that is not finite,
/// or beyond kLargestValue of chart_axis.h, is left out and its neighbours are joined; a series of
/// one point is a dot; without any points the axes go from 0 to 1 (1 to 10 if logarithmic) and the
/// plot says "no data". Errors: none; sizes out of their limits are the caller's bug. Time grows
/// with the points and with points times smoothing.
formats::Image line_chart(std::span<const ChartSeries> series,
                          const LineChartOptions& options = {});

}  // namespace edgefusion::drawing
