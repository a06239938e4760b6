#include "drawing/html_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace edgefusion::drawing {
namespace {

TEST(HtmlText, EscapesWhatCouldBecomeATag) {
  EXPECT_EQ(escaped("<a href='x'>\"&\x01\x7f"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;  ");
  EXPECT_EQ(escaped("é\n"), "é\n");
}

TEST(HtmlText, NumbersAreShort) {
  EXPECT_EQ(fixed(3.14159, 2), "3.14");
  EXPECT_EQ(fixed(-INFINITY, 2), "-∞");
  EXPECT_EQ(fixed(NAN, 2), "no number");
  EXPECT_EQ(fixed(std::optional<double>(), 2), "–");
  EXPECT_LT(fixed(1e300, 3).size(), 12u);
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1234567), "1.2 MB");
}

}  // namespace
}  // namespace edgefusion::drawing
