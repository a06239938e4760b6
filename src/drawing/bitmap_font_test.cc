#include "drawing/bitmap_font.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "drawing/glyphs.h"
#include "drawing/testing/pictures.h"

namespace edgefusion::drawing {
namespace {

using testing::count_other;
using testing::cropped;
using testing::drawn_area;

formats::Image drawn(const std::string& text, int scale = 1) {
  formats::Image image = blank_image(400, 60);
  draw_text(image, 4, 4, text, kBlack, scale);
  return image;
}

TEST(BitmapFont, EveryPrintableCharacterHasItsOwnGlyph) {
  std::set<std::string> shapes;
  for (int code = 32; code <= 127; ++code) {  // the last one stands for all others, a box
    std::string shape;
    for (int row = 0; row < kGlyphRows; ++row) {
      for (int column = 0; column < kGlyphColumns; ++column) {
        shape += glyph_pixel(static_cast<unsigned char>(code), column, row) ? '#' : '.';
      }
    }
    EXPECT_EQ(shape.find('#') == std::string::npos, code == 32) << code;
    shapes.insert(shape);
  }
  EXPECT_EQ(shapes.size(), 96u);
}

TEST(BitmapFont, OnlyDescendersReachBelowTheBaseline) {
  const std::string below = "gjpqy,;_{|}";
  for (int code = 33; code < 127; ++code) {
    bool reaches = false;
    for (int i = 0; i < kGlyphColumns * (kGlyphRows - kCapHeight); ++i) {
      reaches |= glyph_pixel(static_cast<unsigned char>(code), i % kGlyphColumns,
                             kCapHeight + i / kGlyphColumns);
    }
    const bool may = below.find(static_cast<char>(code)) != std::string::npos;
    EXPECT_TRUE(may || !reaches) << static_cast<char>(code);
    if (std::string("gjpqy").find(static_cast<char>(code)) != std::string::npos) {
      EXPECT_TRUE(reaches) << static_cast<char>(code);
    }
  }
}

TEST(BitmapFont, TheWidthIsThatOfWhatIsDrawn) {
  for (const int scale : {1, 2, 3, 5}) {
    for (const std::string text : {"H", "HH", "Hello, H", "H\xc3\xa9H"}) {
      const Rectangle area = drawn_area(drawn(text, scale));
      EXPECT_EQ(area.x, 4) << text;
      EXPECT_EQ(area.width, text_width(text, scale)) << text << " " << scale;
      EXPECT_LE(area.height, kGlyphHeight * scale);
    }
  }
  EXPECT_EQ(text_width(""), 0);
}

TEST(BitmapFont, EachCodePointOutsideOfAsciiIsOneBox) {
  const formats::Image box = drawn("\x7f");
  EXPECT_EQ(count_other(box), 20);
  // Of two, three and four bytes; then bytes that are not UTF-8: alone, cut short, too many.
  for (const std::string text :
       {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\n", "\x80", "\xff", "\xc3", "\xe2\x82"}) {
    EXPECT_EQ(drawn(text).pixels, box.pixels) << text;
  }
  EXPECT_EQ(drawn("\x80\xbf").pixels, drawn("\x7f\x7f").pixels);
  EXPECT_EQ(drawn("\xc3g").pixels, drawn("\x7fg").pixels);
}

TEST(BitmapFont, ALargerScaleKeepsTheDotsOfTheGlyph) {
  constexpr int kScale = 4;
  const formats::Image image = drawn("W", kScale);
  for (int row = 0; row < kGlyphRows; ++row) {
    for (int column = 0; column < kGlyphColumns; ++column) {
      // The middle of a dot; only corners are rounded.
      const Colour found = colour_at(image, 4 + column * kScale + 2, 4 + row * kScale + 2);
      EXPECT_EQ(found == kBlack, glyph_pixel('W', column, row)) << column << " " << row;
    }
  }
}

TEST(BitmapFont, ClippedTextIsAPartOfTheWhole) {
  const std::string text = "Quick \xc3\xa9%";
  for (const int scale : {1, 2}) {
    for (int y = -20; y <= 20; y += 3) {
      for (int x = -110; x <= 40; x += 7) {
        formats::Image image = blank_image(30, 15);
        draw_text(image, x, y, text, kBlack, scale);
        formats::Image wide = blank_image(300, 80);
        draw_text(wide, x + 120, y + 25, text, kBlack, scale);
        EXPECT_EQ(image.pixels, cropped(wide, {120, 25, 30, 15}).pixels) << x << " " << y;
      }
    }
  }
  formats::Image image = blank_image(30, 15);
  for (const int far : {std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    draw_text(image, far, 3, text, kBlack, kMaxTextScale);
    draw_text(image, 3, far, text, kBlack, kMaxTextScale);
  }
  EXPECT_EQ(count_other(image), 0);
}

TEST(CutText, WhatIsCutFitsAndNoMoreWouldFit) {
  const std::string text =
      "a r\xc3\xa9"
      "d f\xe2\x82\xacx in the snow, oil painting";
  for (const int scale : {1, 2, 3}) {
    for (int width = 0; width < 230 * scale; ++width) {
      const std::string cut = cut_text(text, width, scale);
      EXPECT_LE(text_width(cut, scale), width);
      if (cut == text) continue;
      EXPECT_LT(width, text_width(text, scale));
      const size_t kept = cut.find_first_of('.');
      EXPECT_EQ(text.rfind(cut.substr(0, kept), 0), 0u) << cut;
      if (width >= text_width("...", scale)) {
        EXPECT_EQ(cut.substr(kept), "...") << cut;
        // One more glyph would not fit, but for a space that is dropped before the dots.
        EXPECT_GT(text_width(cut + "xx", scale), width) << cut;
      }
    }
  }
}

TEST(CutText, TextThatFitsStaysAsItIs) {
  EXPECT_EQ(cut_text("abc", text_width("abc")), "abc");
  EXPECT_EQ(cut_text("abcd", text_width("abcd") - 1), "...");
  EXPECT_EQ(cut_text("abcdef", text_width("abcde")), "ab...");
  EXPECT_EQ(cut_text("ab cdef", text_width("ab cde")), "ab...");
  EXPECT_EQ(cut_text("", 0), "");
  EXPECT_EQ(cut_text("abc", -5), "");
}

TEST(WrapText, BreaksBetweenWords) {
  const int width = text_width("a red fox");
  EXPECT_EQ(wrap_text("a red fox in the snow", width, 3),
            (std::vector<std::string>{"a red fox", "in the", "snow"}));
  EXPECT_EQ(wrap_text("  a\tred \n fox ", width, 3), (std::vector<std::string>{"a red fox"}));
  EXPECT_EQ(wrap_text(" \n ", width, 3), std::vector<std::string>{});
}

TEST(WrapText, CutsTheLastLineAndBreaksWordsThatAreTooLong) {
  const int width = text_width("123456789");
  EXPECT_EQ(wrap_text("a red fox in the snow", width, 2),
            (std::vector<std::string>{"a red fox", "in the..."}));
  EXPECT_EQ(wrap_text("abcdefghijklmnop", width, 2),
            (std::vector<std::string>{"abcdefghi", "jklmnop"}));
  EXPECT_EQ(wrap_text("abcdefghijk", width, 1), (std::vector<std::string>{"abcdef..."}));
  EXPECT_EQ(wrap_text("abc", width, 0), std::vector<std::string>{});
  EXPECT_EQ(wrap_text("abc", 0, 2), std::vector<std::string>{});
}

TEST(WrapText, EveryLineFits) {
  const std::string text =
      "una ni\xc3\xb1"
      "a con un supercalifragilistico sombrero rojo y azul";
  for (int width = 1; width < 300; ++width) {
    const std::vector<std::string> lines = wrap_text(text, width, 3, 2);
    EXPECT_LE(lines.size(), 3u);
    for (const std::string& line : lines) EXPECT_LE(text_width(line, 2), width) << line;
  }
}

}  // namespace
}  // namespace edgefusion::drawing
