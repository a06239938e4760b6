#include "drawing/chart_legend.h"

#include <algorithm>
#include <cstddef>

#include "drawing/bitmap_font.h"

namespace edgefusion::drawing {
namespace {

constexpr Colour kText{40, 40, 40};

// In units of the scale: the piece of line, the space after it, and the space after the name.
constexpr int kLineLength = 14;
constexpr int kAfterLine = 5;
constexpr int kAfterName = 14;
constexpr int kLongestMore = 12 * kGlyphAdvance;  // "+999999 more"

/// Puts an entry of that width after the others, on the next line where the last one is full.
/// False: beyond the last line, of which `reserve` pixels stay free.
bool place(LegendEntry& entry, int entry_width, int& x, int& line, int width, int reserve) {
  if (x > 0 && x + entry_width > width - (line == kLegendLines - 1 ? reserve : 0)) {
    if (line == kLegendLines - 1) return false;
    x = 0;
    ++line;
  }
  entry.x = x;
  entry.line = line;
  x += entry_width;
  return true;
}

}  // namespace

std::vector<LegendEntry> legend_entries(std::span<const ChartSeries> series, int width, int scale) {
  const int reserve = (kAfterName + kLongestMore) * scale;
  const int line_width = (kLineLength + kAfterLine) * scale;
  std::vector<LegendEntry> entries;
  size_t left = static_cast<size_t>(
      std::count_if(series.begin(), series.end(), [](const auto& s) { return !s.name.empty(); }));
  int x = 0, line = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    if (series[i].name.empty()) continue;
    LegendEntry entry{.text = {}, .colour = series_colour(i)};
    // A name too long for a line of its own is cut; one that could be last leaves room for "more".
    entry.text = cut_text(series[i].name, width - line_width - (left > 1 ? reserve : 0), scale);
    const int needed = line_width + text_width(entry.text, scale);
    if (!place(entry, needed, x, line, width, left > 1 ? reserve : 0)) {
      entries.push_back({.text = "+" + std::to_string(left) + " more",
                         .colour = kText,
                         .has_line = false,
                         .x = x,
                         .line = line});
      break;
    }
    entries.push_back(entry);
    x += kAfterName * scale;
    --left;
  }
  return entries;
}

void draw_legend(formats::Image& image, int x, int y, std::span<const LegendEntry> entries,
                 int scale) {
  for (const LegendEntry& entry : entries) {
    const int left = x + entry.x, top = y + entry.line * kLineHeight * scale;
    if (!entry.has_line) {
      draw_text(image, left, top, entry.text, kText, scale);
      continue;
    }
    const int thickness = 2 * scale;
    fill_rectangle(
        image, {left, top + (kCapHeight * scale - thickness) / 2, kLineLength * scale, thickness},
        entry.colour);
    draw_text(image, left + (kLineLength + kAfterLine) * scale, top, entry.text, kText, scale);
  }
}

}  // namespace edgefusion::drawing
