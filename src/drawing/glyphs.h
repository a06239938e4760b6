#pragma once

#include <cstdint>

namespace edgefusion::drawing {

inline constexpr int kGlyphColumns = 5;
inline constexpr int kGlyphRows = 9;

/// Whether the glyph of the font has this pixel, column [0, kGlyphColumns), row [0, kGlyphRows).
/// Outside of it there is none. A code outside of printable ASCII (32 to 126) is a box.
bool glyph_pixel(unsigned char code, int column, int row);

}  // namespace edgefusion::drawing
