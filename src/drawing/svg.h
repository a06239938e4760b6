#pragma once

#include <string>

#include "drawing/chart_axis.h"

namespace edgefusion::drawing {

// Pieces of charts as inline SVG of HTML, coloured by classes of a style sheet, so that they follow
// the page into the dark. Texts are escaped here.

/// A coordinate; no screen needs it finer.
std::string svg_at(double coordinate);
/// The opening tag; `kind`: its class, `title`: what it shows, for those who do not see it.
std::string open_svg(const std::string& kind, double width, double height,
                     const std::string& title);
std::string svg_line(const std::string& kind, double x1, double y1, double x2, double y2);
/// `anchor`: start, middle or end.
std::string svg_text(double x, double y, const char* anchor, const std::string& words,
                     const std::string& kind = "");
/// `tip`: shown when a pointer rests on it; empty: nothing.
std::string svg_rect(const std::string& kind, double x, double y, double width, double height,
                     const std::string& tip = "");
std::string svg_circle(const std::string& kind, double x, double y, double radius,
                       const std::string& tip = "");

/// Words cut to a width at the size of 12 pixels that charts are set in, with an ellipsis; empty
/// if there is room for less than `fewest` letters. Bytes of UTF-8 count as letters.
std::string fitting(const std::string& words, double width, size_t fewest = 3);

/// The plot of a chart with two axes.
struct SvgPlot {
  static constexpr double kLeft = 56, kRight = 24, kTop = 12, kBottom = 44;

  ChartAxis x, y;
  double width = 560, height = 300;

  double px(double value) const { return kLeft + x.fraction(value) * (width - kLeft - kRight); }
  double py(double value) const {
    return height - kBottom - y.fraction(value) * (height - kTop - kBottom);
  }
  /// Lines across the plot, labels of ticks and of the axes.
  std::string axes(const std::string& x_label, const std::string& y_label) const;
};

}  // namespace edgefusion::drawing
