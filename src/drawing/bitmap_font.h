#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "drawing/canvas.h"
#include "formats/image.h"

namespace edgefusion::drawing {

/// A font of fixed width for printable ASCII: glyphs of 5x7 pixels, two more rows below the
/// baseline, one column of space after each. Texts are UTF-8; every other code point, and every
/// byte that is not UTF-8, shows as a box. `scale` enlarges the pixels, 1 to kMaxTextScale; corners
/// are rounded from 2 on. Errors: none.

inline constexpr int kGlyphAdvance = 6;  ///< columns from one glyph to the next
inline constexpr int kGlyphHeight = 9;   ///< rows from the top of a capital to the end of a "g"
inline constexpr int kCapHeight = 7;     ///< rows from the top of a capital to the baseline
inline constexpr int kLineHeight = 11;   ///< rows from one line to the next
inline constexpr int kMaxTextScale = 64;

/// Width in pixels from the first glyph's left edge to the last one's right edge.
int text_width(std::string_view text, int scale = 1);

/// The text if it fits `width` pixels, or as much of its beginning as fits with "..." after it.
/// No code point is torn apart. Below the width of "..." what is left are fewer dots.
std::string cut_text(std::string_view text, int width, int scale = 1);

/// The text in at most `max_lines` lines that fit `width` pixels, broken at white space, or within
/// a word that is longer than a line. The last line is cut with "..." if there is more. Runs of
/// white space count as one space. No lines for a text of white space alone.
std::vector<std::string> wrap_text(std::string_view text, int width, size_t max_lines,
                                   int scale = 1);

/// Draws one line with the upper left corner of its first glyph at (x, y), clipped to the picture.
/// Characters below a space (a newline, a tab) show as boxes.
void draw_text(formats::Image& image, int x, int y, std::string_view text, Colour colour = kBlack,
               int scale = 1);

}  // namespace edgefusion::drawing
