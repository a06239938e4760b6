#pragma once

#include <span>
#include <string>
#include <vector>

#include "drawing/line_chart.h"

namespace edgefusion::drawing {

/// A name beside a piece of its line.
struct LegendEntry {
  std::string text;
  Colour colour;
  bool has_line = true;  ///< false for the last of a legend that is cut, "+3 more"
  int x = 0;             ///< pixels from the legend's left edge
  int line = 0;
};

inline constexpr int kLegendLines = 3;  ///< at most; the rest is counted in the last entry

/// Sets the names of the series into lines `width` pixels wide, in order; empty names are left out.
std::vector<LegendEntry> legend_entries(std::span<const ChartSeries> series, int width, int scale);

/// Draws them with the upper left corner at (x, y), a line every kLineHeight * scale pixels.
void draw_legend(formats::Image& image, int x, int y, std::span<const LegendEntry> entries,
                 int scale);

}  // namespace edgefusion::drawing
