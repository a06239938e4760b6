#include "drawing/canvas.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "drawing/testing/pictures.h"

namespace edgefusion::drawing {
namespace {

using testing::count_other;
using testing::cropped;
using testing::drawn_area;

constexpr Colour kRed{200, 30, 40};
constexpr int kMost = std::numeric_limits<int>::max();
constexpr int kLeast = std::numeric_limits<int>::min();

TEST(Canvas, ABlankImageIsOfOneColour) {
  const formats::Image image = blank_image(7, 3, kRed);
  EXPECT_EQ(image.pixels.size(), 63u);
  EXPECT_EQ(count_other(image, kRed), 0);
}

TEST(Canvas, ARectangleFillsItsPixelsAndNoOthers) {
  formats::Image image = blank_image(10, 8);
  fill_rectangle(image, {2, 3, 4, 2}, kRed);
  EXPECT_EQ(count_other(image), 8);
  EXPECT_EQ(drawn_area(image), (Rectangle{2, 3, 4, 2}));
}

TEST(Canvas, RectanglesAreClippedWhereverTheyLie) {
  formats::Image image = blank_image(10, 8);
  for (const Rectangle& outside :
       {Rectangle{10, 0, 5, 5}, Rectangle{0, 8, 5, 5}, Rectangle{-5, 0, 5, 5},
        Rectangle{kMost, kMost, kMost, kMost}, Rectangle{kLeast, kLeast, kMost, kMost},
        Rectangle{2, 2, 0, 4}, Rectangle{2, 2, 4, -1}}) {
    fill_rectangle(image, outside, kRed);
    draw_rectangle(image, outside, kRed, 3);
  }
  EXPECT_EQ(count_other(image), 0);
  fill_rectangle(image, {-3, -3, 5, 4}, kRed);
  EXPECT_EQ(drawn_area(image), (Rectangle{0, 0, 2, 1}));
  fill_rectangle(image, {8, 7, kMost, kMost}, kRed);
  EXPECT_EQ(count_other(image), 4);
}

TEST(Canvas, AnOutlineLeavesTheInsideAlone) {
  formats::Image image = blank_image(12, 12);
  draw_rectangle(image, {1, 2, 8, 6}, kRed, 2);
  EXPECT_EQ(drawn_area(image), (Rectangle{1, 2, 8, 6}));
  EXPECT_EQ(count_other(image), 8 * 6 - 4 * 2);
  EXPECT_EQ(colour_at(image, 3, 4), kWhite);
}

TEST(Canvas, APictureOfAnyKindIsPutInPlace) {
  formats::Image image = blank_image(4, 2, kRed);
  blit(image, 0, 0, {.width = 1, .height = 1, .channels = 1, .pixels = {90}});
  blit(image, 1, 0, {.width = 1, .height = 1, .channels = 3, .pixels = {1, 2, 3}});
  blit(image, 2, 0,
       {.width = 2, .height = 1, .channels = 4, .pixels = {1, 2, 3, 0, 0, 100, 200, 128}});
  EXPECT_EQ(colour_at(image, 0, 0), (Colour{90, 90, 90}));
  EXPECT_EQ(colour_at(image, 1, 0), (Colour{1, 2, 3}));
  EXPECT_EQ(colour_at(image, 2, 0), kWhite);
  EXPECT_EQ(colour_at(image, 3, 0), (Colour{127, 177, 227}));
  EXPECT_EQ(colour_at(image, 3, 1), kRed);
}

TEST(Canvas, APictureIsClippedOnEverySide) {
  formats::Image picture = blank_image(5, 4);
  for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<uint8_t>(i);
  for (int y = -5; y <= 5; ++y) {
    for (int x = -6; x <= 6; ++x) {
      formats::Image image = blank_image(6, 5);
      blit(image, x, y, picture);
      formats::Image wide = blank_image(20, 20);
      blit(wide, x + 7, y + 7, picture);
      EXPECT_EQ(image.pixels, cropped(wide, {7, 7, 6, 5}).pixels) << x << " " << y;
    }
  }
  formats::Image image = blank_image(6, 5);
  blit(image, kMost, kLeast, picture);
  blit(image, kLeast, kMost, picture);
  EXPECT_EQ(count_other(image), 0);
}

TEST(Line, AHorizontalLineIsSharp) {
  formats::Image image = blank_image(20, 9);
  draw_line(image, {3, 4}, {15, 4}, {.colour = kRed, .width = 3});
  for (int x = 3; x <= 15; ++x) {
    for (int y = 3; y <= 5; ++y) EXPECT_EQ(colour_at(image, x, y), kRed);
    EXPECT_EQ(colour_at(image, x, 2), kWhite);
    EXPECT_EQ(colour_at(image, x, 6), kWhite);
  }
}

TEST(Line, ASlantedLineCoversAsMuchAsItsArea) {
  // Darkness adds up to length * width, and a half disc at each end.
  for (const Point to : {Point{90, 30}, Point{30, 90}, Point{80, 80}, Point{10, 95}}) {
    formats::Image image = blank_image(101, 101);
    const Point from{10, 10};
    draw_line(image, from, to, {.colour = kBlack, .width = 4});
    double dark = 0;
    for (const uint8_t value : image.pixels) dark += (255 - value) / (3 * 255.0);
    const double area = 4 * std::hypot(to.x - from.x, to.y - from.y) + M_PI * 4;
    EXPECT_NEAR(dark, area, 0.03 * area) << to.x << " " << to.y;
  }
}

TEST(Line, FromAPointToItselfItIsADisc) {
  formats::Image image = blank_image(15, 15);
  draw_line(image, {7, 7}, {7, 7}, {.colour = kRed, .width = 6});
  EXPECT_EQ(colour_at(image, 7, 7), kRed);
  EXPECT_EQ(colour_at(image, 9, 7), kRed);
  EXPECT_EQ(colour_at(image, 7, 11), kWhite);
  EXPECT_EQ(drawn_area(image), (Rectangle{4, 4, 7, 7}));
}

TEST(Line, ClippingDoesNotChangeWhatIsSeen) {
  constexpr int kOut = 40;  // pixels around the small picture
  for (int angle = 0; angle < 360; angle += 7) {
    const double dx = 35 * std::cos(angle), dy = 35 * std::sin(angle);
    const std::vector<Point> points = {{10 - dx, 10 + dy}, {10 + dx, 8 - dy}, {25, 2}};
    formats::Image small = blank_image(20, 16);
    draw_polyline(small, points, {.colour = kBlack, .width = 3.5, .opacity = 0.7});
    std::vector<Point> moved;
    for (const Point& p : points) moved.push_back({p.x + kOut, p.y + kOut});
    formats::Image wide = blank_image(100, 96);
    draw_polyline(wide, moved, {.colour = kBlack, .width = 3.5, .opacity = 0.7});
    EXPECT_LE(testing::largest_difference(small, cropped(wide, {kOut, kOut, 20, 16})), 1) << angle;
  }
}

TEST(Line, PointsFarOutsideAreFine) {
  formats::Image image = blank_image(20, 20);
  draw_line(image, {-1e9, 10}, {1e9, 10}, {.colour = kRed});
  EXPECT_EQ(count_other(image), 20);
  draw_line(image, {-1e9, -1e9}, {1e9, -5}, {.colour = kRed, .width = 9});
  draw_line(image, {30, -1e9}, {30, 1e9}, {.colour = kRed, .width = 9});
  EXPECT_EQ(count_other(image), 20);
}

TEST(Line, AFaintLineIsEquallyFaintWhereItMeetsItself) {
  formats::Image image = blank_image(30, 30);
  const std::vector<Point> there_and_back = {{5, 15}, {25, 15}, {5, 15}, {15, 15}};
  draw_polyline(image, there_and_back, {.colour = kBlack, .width = 1, .opacity = 0.4});
  for (int x = 5; x <= 25; ++x) EXPECT_EQ(colour_at(image, x, 15), (Colour{153, 153, 153}));
}

TEST(Line, APointThatIsNotFiniteEndsAPiece) {
  formats::Image image = blank_image(30, 9);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<Point> points = {{2, 4},  {8, 4},      {nan, 4}, {14, 4},
                                     {18, 4}, {inf, -inf}, {25, 4}};
  draw_polyline(image, points, {.colour = kRed});
  EXPECT_EQ(colour_at(image, 5, 4), kRed);
  EXPECT_EQ(colour_at(image, 11, 4), kWhite);
  EXPECT_EQ(colour_at(image, 16, 4), kRed);
  EXPECT_EQ(colour_at(image, 22, 4), kWhite);
  draw_polyline(image, std::vector<Point>{{nan, nan}}, {.colour = kBlack});
  draw_polyline(image, {}, {.colour = kBlack});
  EXPECT_EQ(drawn_area(image).width, 17);
}

}  // namespace
}  // namespace edgefusion::drawing
