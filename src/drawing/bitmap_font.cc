#include "drawing/bitmap_font.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/result.h"
#include "drawing/glyphs.h"

namespace edgefusion::drawing {
namespace {

static_assert(kGlyphAdvance == kGlyphColumns + 1 && kGlyphHeight == kGlyphRows);

constexpr unsigned char kNotAscii = 127;  // drawn as a box

void check_scale(int scale) {
  EF_CHECK(scale >= 1 && scale <= kMaxTextScale, std::to_string(scale));
}

/// Bytes of the glyph at the beginning of a text that is not empty: a code point, or a byte that
/// does not belong to one. What code point it is does not matter here, all but ASCII look alike.
size_t glyph_bytes(std::string_view text) {
  const auto continues = [&](size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t expected = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  size_t bytes = 1;
  while (bytes < expected && continues(bytes)) ++bytes;
  return bytes;
}

size_t glyph_count(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); text.remove_prefix(glyph_bytes(text))) ++count;
  return count;
}

std::string_view first_glyphs(std::string_view text, size_t count) {
  size_t bytes = 0;
  for (; count > 0 && bytes < text.size(); --count) bytes += glyph_bytes(text.substr(bytes));
  return text.substr(0, bytes);
}

/// Glyphs that fit, the space after the last one not counted.
size_t glyphs_within(int width, int scale) {
  return static_cast<size_t>(
      std::max<int64_t>(0, (int64_t{width} + scale) / (int64_t{kGlyphAdvance} * scale)));
}

bool is_white_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string with_single_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_white_space(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// The first line of a text that is longer than `glyphs`.
std::string_view first_line(std::string_view text, size_t glyphs) {
  const std::string_view most = first_glyphs(text, glyphs);
  if (text[most.size()] == ' ') return most;
  const size_t space = most.rfind(' ');
  return space == std::string_view::npos ? most : most.substr(0, space);
}

/// Whether a pixel that the glyph leaves out is partly filled: it lies in the inner corner of a
/// diagonal stroke, whose steps would show. (i, j) is a part of the pixel, as the scale divides it.
/// The same rounding as in teletext decoders, which made 10x18 of 5x9 dots.
bool rounds_corner(unsigned char code, int column, int row, int i, int j, int scale) {
  const bool right = 2 * i >= scale, low = 2 * j >= scale;
  const int dx = right ? 1 : -1, dy = low ? 1 : -1;
  const int to_side = right ? scale - 1 - i : i, to_edge = low ? scale - 1 - j : j;
  return 2 * (to_side + to_edge) + 1 < scale && glyph_pixel(code, column + dx, row) &&
         glyph_pixel(code, column, row + dy) && !glyph_pixel(code, column + dx, row + dy);
}

void draw_glyph(formats::Image& image, int x, int y, unsigned char code, Colour colour, int scale) {
  for (int down = 0; down < kGlyphRows * scale; ++down) {
    const int row = down / scale;
    for (int across = 0; across < kGlyphColumns * scale; ++across) {
      const int column = across / scale;
      if (glyph_pixel(code, column, row) ||
          rounds_corner(code, column, row, across % scale, down % scale, scale)) {
        fill_rectangle(image, {x + across, y + down, 1, 1}, colour);
      }
    }
  }
}

}  // namespace

int text_width(std::string_view text, int scale) {
  check_scale(scale);
  if (text.empty()) return 0;
  const auto pixels = (static_cast<int64_t>(glyph_count(text)) * kGlyphAdvance - 1) * scale;
  return static_cast<int>(std::min<int64_t>(pixels, std::numeric_limits<int>::max()));
}

std::string cut_text(std::string_view text, int width, int scale) {
  check_scale(scale);
  constexpr std::string_view kDots = "...";
  const size_t room = glyphs_within(width, scale);
  if (glyph_count(text) <= room) return std::string(text);
  if (room <= kDots.size()) return std::string(kDots.substr(0, room));
  std::string_view kept = first_glyphs(text, room - kDots.size());
  while (!kept.empty() && is_white_space(kept.back())) kept.remove_suffix(1);
  return std::string(kept) + std::string(kDots);
}

std::vector<std::string> wrap_text(std::string_view text, int width, size_t max_lines, int scale) {
  check_scale(scale);
  const size_t room = glyphs_within(width, scale);
  std::vector<std::string> lines;
  if (room == 0 || max_lines == 0) return lines;
  const std::string words = with_single_spaces(text);
  std::string_view rest = words;
  while (lines.size() + 1 < max_lines && glyph_count(rest) > room) {
    const std::string_view line = first_line(rest, room);
    lines.emplace_back(line);
    rest.remove_prefix(line.size());
    if (rest.front() == ' ') rest.remove_prefix(1);
  }
  if (!rest.empty()) lines.push_back(cut_text(rest, width, scale));
  return lines;
}

void draw_text(formats::Image& image, int x, int y, std::string_view text, Colour colour,
               int scale) {
  check_scale(scale);
  if (y >= image.height || int64_t{y} + int64_t{kGlyphHeight} * scale <= 0) return;
  const int advance = kGlyphAdvance * scale;
  int64_t at = x;
  while (!text.empty() && at < image.width) {
    const size_t bytes = glyph_bytes(text);
    const unsigned char code = bytes == 1 ? static_cast<unsigned char>(text[0]) : kNotAscii;
    if (at + advance > 0) draw_glyph(image, static_cast<int>(at), y, code, colour, scale);
    text.remove_prefix(bytes);
    at += advance;
  }
}

}  // namespace edgefusion::drawing
