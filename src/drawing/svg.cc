#include "drawing/svg.h"

#include "drawing/html_text.h"

namespace edgefusion::drawing {
namespace {

std::string tipped(const std::string& tag, const std::string& shape, const std::string& tip) {
  if (tip.empty()) return shape + "/>";
  return shape + "><title>" + escaped(tip) + "</title></" + tag + ">";
}

}  // namespace

std::string svg_at(double coordinate) { return fixed(coordinate, 1); }

std::string open_svg(const std::string& kind, double width, double height,
                     const std::string& title) {
  return "<svg class=\"" + kind + "\" viewBox=\"0 0 " + svg_at(width) + " " + svg_at(height) +
         "\" role=\"img\" aria-label=\"" + escaped(title) + "\">";
}

std::string svg_line(const std::string& kind, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + kind + "\" x1=\"" + svg_at(x1) + "\" y1=\"" + svg_at(y1) + "\" x2=\"" +
         svg_at(x2) + "\" y2=\"" + svg_at(y2) + "\"/>";
}

std::string svg_text(double x, double y, const char* anchor, const std::string& words,
                     const std::string& kind) {
  const std::string style = kind.empty() ? "" : "class=\"" + kind + "\" ";
  return "<text " + style + "x=\"" + svg_at(x) + "\" y=\"" + svg_at(y) + "\" text-anchor=\"" +
         anchor + "\">" + escaped(words) + "</text>";
}

std::string svg_rect(const std::string& kind, double x, double y, double width, double height,
                     const std::string& tip) {
  return tipped("rect",
                "<rect class=\"" + kind + "\" x=\"" + svg_at(x) + "\" y=\"" + svg_at(y) +
                    "\" width=\"" + svg_at(width) + "\" height=\"" + svg_at(height) + "\"",
                tip);
}

std::string svg_circle(const std::string& kind, double x, double y, double radius,
                       const std::string& tip) {
  return tipped("circle",
                "<circle class=\"" + kind + "\" cx=\"" + svg_at(x) + "\" cy=\"" + svg_at(y) +
                    "\" r=\"" + svg_at(radius) + "\"",
                tip);
}

std::string fitting(const std::string& words, double width, size_t fewest) {
  constexpr double kLetter = 6.6;  // of system fonts at 12 pixels, on the wide side
  if (width < kLetter * static_cast<double>(fewest)) return "";
  const auto room = static_cast<size_t>(width / kLetter);
  if (words.size() <= room) return words;
  if (room < fewest + 1) return "";
  size_t end = room - 1;
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xc0) == 0x80) --end;
  return words.substr(0, end) + "…";
}

std::string SvgPlot::axes(const std::string& x_label, const std::string& y_label) const {
  std::string svg;
  for (const auto& tick : x.ticks) {
    svg += svg_line("grid", px(tick.value), kTop, px(tick.value), height - kBottom) +
           svg_text(px(tick.value), height - kBottom + 16, "middle", tick.label);
  }
  for (const auto& tick : y.ticks) {
    svg += svg_line("grid", kLeft, py(tick.value), width - kRight, py(tick.value)) +
           svg_text(kLeft - 6, py(tick.value) + 4, "end", tick.label);
  }
  svg += svg_text((kLeft + width - kRight) / 2, height - 8, "middle", x_label);
  return svg + "<text transform=\"translate(14 " + svg_at((kTop + height - kBottom) / 2) +
         ") rotate(-90)\" text-anchor=\"middle\">" + escaped(y_label) + "</text>";
}

}  // namespace edgefusion::drawing
