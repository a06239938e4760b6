#include "drawing/box_filter.h"

#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "drawing/testing/pictures.h"

namespace edgefusion::drawing {
namespace {

formats::Image gray_row(std::vector<uint8_t> values) {
  const int width = static_cast<int>(values.size());
  return {.width = width, .height = 1, .channels = 1, .pixels = std::move(values)};
}

TEST(BoxFilter, EachPixelIsTheMeanOfTheAreaItCovers) {
  const formats::Image half = scaled_down(gray_row({0, 100, 50, 52}), 2, 1);
  EXPECT_EQ(colour_at(half, 0, 0), (Colour{50, 50, 50}));
  EXPECT_EQ(colour_at(half, 1, 0), (Colour{51, 51, 51}));
  // 3 to 2: a new pixel covers one old one and half of the middle one.
  const formats::Image part = scaled_down(gray_row({0, 90, 240}), 2, 1);
  EXPECT_EQ(colour_at(part, 0, 0), (Colour{30, 30, 30}));
  EXPECT_EQ(colour_at(part, 1, 0), (Colour{190, 190, 190}));
}

TEST(BoxFilter, BothDirectionsAndAllChannelsAreMeans) {
  const formats::Image picture{.width = 2,
                               .height = 2,
                               .channels = 3,
                               .pixels = {0, 10, 200, 4, 10, 100, 8, 10, 0, 12, 30, 4}};
  EXPECT_EQ(colour_at(scaled_down(picture, 1, 1), 0, 0), (Colour{6, 15, 76}));
}

TEST(BoxFilter, OneColourStaysTheSameAtAnySize) {
  const Colour colour{13, 101, 254};
  const formats::Image picture = blank_image(37, 23, colour);
  for (int width = 1; width <= 37; width += 4) {
    for (int height = 1; height <= 23; height += 3) {
      const formats::Image small = scaled_down(picture, width, height);
      EXPECT_EQ(small.width, width);
      EXPECT_EQ(small.height, height);
      EXPECT_EQ(testing::count_other(small, colour), 0) << width << "x" << height;
    }
  }
}

TEST(BoxFilter, TransparencyIsSeenOnWhite) {
  const formats::Image picture{
      .width = 2, .height = 1, .channels = 4, .pixels = {0, 0, 0, 0, 101, 51, 1, 255}};
  EXPECT_EQ(colour_at(scaled_down(picture, 1, 1), 0, 0), (Colour{178, 153, 128}));
}

TEST(BoxFilter, FittingKeepsProportionsAndNeverEnlarges) {
  const formats::Image picture = blank_image(200, 100);
  const auto size = [&](int width, int height) {
    const formats::Image fitted = scaled_to_fit(picture, width, height);
    return std::pair(fitted.width, fitted.height);
  };
  EXPECT_EQ(size(50, 50), std::pair(50, 25));
  EXPECT_EQ(size(300, 20), std::pair(40, 20));
  EXPECT_EQ(size(1000, 1000), std::pair(200, 100));
  EXPECT_EQ(size(1, 1), std::pair(1, 1));
}

}  // namespace
}  // namespace edgefusion::drawing
