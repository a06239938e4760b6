#include "data/cut_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/layer.h"
#include "data/testing/shapes.h"
#include "shards/picture.h"

namespace edgefusion::data {
namespace {

const uint8_t* at(const formats::Image& image, int x, int y) {
  return image.pixels.data() + static_cast<size_t>(y) * image.row_bytes() +
         static_cast<size_t>(image.channels) * static_cast<size_t>(x);
}

TEST(CutOut, TheEdgeOfADiscHasTheDiscsColourAndItsShare) {
  const formats::Image picture = shape_picture({.kind = ShapeKind::disc, .rgb = {200, 30, 40}});
  const auto cut = cut_out(picture);
  ASSERT_TRUE(cut.has_value()) << to_string(cut.error());
  // The radius is 30 of 96 pixels.
  EXPECT_NEAR(cut->image.width, 60, 1);
  EXPECT_NEAR(cut->coverage, 3.1416 * 30 * 30 / (96 * 96), 0.01);
  double area = 0;
  for (size_t i = 0; i < cut->image.pixels.size(); i += 4) {
    const uint8_t* p = cut->image.pixels.data() + i;
    area += p[3] / 255.0;
    if (p[3] == 0) continue;
    EXPECT_NEAR(p[0], 200, 8);
    EXPECT_NEAR(p[1], 30, 8);
    EXPECT_NEAR(p[2], 40, 8);
  }
  EXPECT_NEAR(area, 3.1416 * 30 * 30, 12);
}

TEST(CutOut, NoPaleFringeIsLeftOnAnotherBackground) {
  for (const bool lossy : {false, true}) {
    formats::Image picture = shape_picture({.kind = ShapeKind::disc, .rgb = {200, 30, 40}});
    if (lossy) picture = *shards::decode_picture(*shards::encode_webp(picture), "disc");
    const auto cut = cut_out(picture);
    ASSERT_TRUE(cut.has_value());
    formats::Image blue{.width = 64, .height = 64, .channels = 3, .pixels = {}};
    for (int i = 0; i < 64 * 64; ++i) blue.pixels.insert(blue.pixels.end(), {20, 40, 200});
    put(blue, scaled_layer(cut->image, cut->image.width, cut->image.height), 1, 1);
    // A mix of the two colours never has more green than either; white would.
    for (size_t i = 1; i < blue.pixels.size(); i += 3) {
      EXPECT_LE(blue.pixels[i], lossy ? 70 : 46) << i / 3 % 64 << " " << i / 3 / 64;
    }
  }
}

TEST(CutOut, DarkOutlinesAroundLightColoursStayDark) {
  const formats::Image picture = shape_picture(
      {.kind = ShapeKind::disc, .rgb = {250, 220, 60}, .outline = 2, .outline_rgb = {20, 20, 20}});
  const auto cut = cut_out(picture);
  ASSERT_TRUE(cut.has_value());
  const int middle = cut->image.height / 2;
  EXPECT_LT(at(cut->image, 1, middle)[0], 60);
  EXPECT_EQ(at(cut->image, 1, middle)[3], 255);
  // No yellow outside of the outline.
  EXPECT_LT(at(cut->image, 0, middle)[0], 60);
}

TEST(CutOut, WhiteInsideStays) {
  const auto cut = cut_out(shape_picture({.kind = ShapeKind::ring, .rgb = {30, 120, 60}}));
  ASSERT_TRUE(cut.has_value());
  const uint8_t* centre = at(cut->image, cut->image.width / 2, cut->image.height / 2);
  EXPECT_EQ(centre[3], 255);
  EXPECT_EQ(centre[0], 255);
}

NoCutOut refusal(const formats::Image& picture) {
  const auto cut = cut_out(picture);
  EXPECT_FALSE(cut.has_value());
  return cut.has_value() ? NoCutOut{} : cut.error();
}

TEST(CutOut, PicturesWithoutAClearObjectAreRefusedWithTheReason) {
  EXPECT_EQ(refusal(shape_picture({.kind = ShapeKind::none})), NoCutOut::empty);
  EXPECT_EQ(refusal(shape_picture({.rgb = {200, 30, 40}, .off_x = 30})), NoCutOut::touches_border);
  EXPECT_EQ(refusal(shape_picture({.rgb = {238, 238, 238}})), NoCutOut::mostly_white);
  EXPECT_EQ(
      refusal(shape_picture({.rgb = {30, 30, 200}, .outline = 6, .outline_rgb = {224, 226, 226}})),
      NoCutOut::pale_outline);
  formats::Image photo = shape_picture({.rgb = {200, 30, 40}});
  for (uint8_t& value : photo.pixels) value = static_cast<uint8_t>(value * 3 / 4);
  EXPECT_EQ(refusal(photo), NoCutOut::no_white_background);
}

TEST(CutOut, AnyPixelsAreEitherCutOutOrRefused) {
  uint64_t state = 5;
  for (int round = 0; round < 300; ++round) {
    formats::Image picture{
        .width = 8 + round % 9, .height = 8 + round % 5, .channels = 3, .pixels = {}};
    for (int i = 0; i < picture.width * picture.height * 3; ++i) {
      const uint64_t value = split_mix(state);
      picture.pixels.push_back(value % 3 != 0 ? 255 : static_cast<uint8_t>(value >> 20));
    }
    if (const auto cut = cut_out(picture)) {
      EXPECT_EQ(cut->image.pixels.size(), 4u * static_cast<size_t>(cut->image.width) *
                                              static_cast<size_t>(cut->image.height));
      EXPECT_GT(cut->coverage, 0);
    }
  }
}

}  // namespace
}  // namespace edgefusion::data
