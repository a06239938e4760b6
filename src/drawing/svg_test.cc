#include "drawing/svg.h"

#include <gtest/gtest.h>

namespace edgefusion::drawing {
namespace {

TEST(Svg, TextsFromOutsideAreEscaped) {
  EXPECT_NE(svg_text(0, 0, "end", "<b>").find("&lt;b&gt;"), std::string::npos);
  EXPECT_NE(svg_rect("a", 0, 0, 1, 1, "\"&").find("&quot;&amp;"), std::string::npos);
  EXPECT_NE(open_svg("a", 1, 1, "x\"y").find("x&quot;y"), std::string::npos);
}

TEST(Svg, WordsAreCutToTheirRoom) {
  EXPECT_EQ(fitting("conv_in", 200), "conv_in");
  EXPECT_EQ(fitting("down_blocks.1", 50), "down_b…");
  EXPECT_EQ(fitting("down_blocks.1", 15), "");
  // No letter of UTF-8 is cut in two.
  const std::string cut = fitting("äääääääää", 45);
  EXPECT_EQ(cut, "ää…");
}

}  // namespace
}  // namespace edgefusion::drawing
