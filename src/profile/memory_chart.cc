#include "profile/memory_chart.h"

#include <algorithm>
#include <cmath>

#include "drawing/html_text.h"
#include "drawing/svg.h"

namespace edgefusion::profile {
namespace {

constexpr double kMega = 1e6;
constexpr double kWidth = 1180, kHeight = 300;

double megabytes(int64_t bytes) { return static_cast<double>(bytes) / kMega; }

/// The outline of what is alive: a stair of one step's width each.
std::string stair(const drawing::SvgPlot& plot, const ProgramMemory& program, double first) {
  std::string path = "M" + drawing::svg_at(plot.px(first)) + " " + drawing::svg_at(plot.py(0));
  double x = first;
  for (const int64_t bytes : program.live_bytes) {
    path +=
        "V" + drawing::svg_at(plot.py(megabytes(bytes))) + "H" + drawing::svg_at(plot.px(x += 1));
  }
  return "<path class=\"alive\" d=\"" + path + "V" + drawing::svg_at(plot.py(0)) + "z\"/>";
}

std::string peak(const drawing::SvgPlot& plot, const ProgramMemory& program, double first) {
  const double step = program.peak_step;
  const double bytes = megabytes(program.live_bytes[static_cast<size_t>(program.peak_step)]);
  std::string tip =
      program.program + ": most at " + program.peak_name + ", " + drawing::fixed(bytes, 2) + " MB";
  for (const auto& value : program.alive) {
    tip += "\n" + drawing::bytes_text(static_cast<double>(value.bytes)) + "  " + value.name;
  }
  return drawing::svg_circle("peak", plot.px(first + step + 0.5), plot.py(bytes), 4, tip);
}

}  // namespace

std::string memory_chart(const Memory& memory) {
  double steps = 0, most = 0;
  for (const ProgramMemory& program : memory.programs) {
    steps += static_cast<double>(program.live_bytes.size());
    most = std::max(most, megabytes(program.arena_bytes));
    for (const int64_t bytes : program.live_bytes) most = std::max(most, megabytes(bytes));
  }
  if (!(steps > 0) || !(most > 0)) return "";
  constexpr double kHead = 0.12;  // room for names above
  drawing::SvgPlot plot{drawing::make_linear_axis(0, steps, 0, 12),
                        drawing::make_linear_axis(0, most * (1 + kHead), 0, 6), kWidth, kHeight};
  std::string svg = drawing::open_svg("memory", kWidth, kHeight, "Memory alive at each step") +
                    plot.axes("step of the networks, one after the other", "MB alive");
  double first = 0;
  for (const ProgramMemory& program : memory.programs) {
    if (program.live_bytes.empty()) continue;
    const double end = first + static_cast<double>(program.live_bytes.size());
    const double arena = plot.py(megabytes(program.arena_bytes));
    svg += stair(plot, program, first) +
           drawing::svg_line("grid", plot.px(end), drawing::SvgPlot::kTop, plot.px(end),
                             kHeight - drawing::SvgPlot::kBottom) +
           drawing::svg_line("arena", plot.px(first), arena, plot.px(end), arena) +
           peak(plot, program, first);
    const double room = plot.px(end) - plot.px(first) - 8;
    svg += drawing::svg_text(plot.px(first) + 4, drawing::SvgPlot::kTop + 12, "start",
                             drawing::fitting(program.program, room), "strong");
    first = end;
  }
  return svg + "</svg>";
}

}  // namespace edgefusion::profile
