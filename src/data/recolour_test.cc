#include "data/recolour.h"

#include <gtest/gtest.h>

#include "data/cut_out.h"
#include "data/named_colours.h"
#include "data/testing/shapes.h"

namespace edgefusion::data {
namespace {

formats::Image object(Rgb rgb, double outline = 0, Rgb outline_rgb = {}) {
  auto cut = cut_out(shape_picture({.rgb = rgb, .outline = outline, .outline_rgb = outline_rgb}));
  EXPECT_TRUE(cut.has_value());
  return cut->image;
}

TEST(ColourSpace, ComesBackAndKnowsGray) {
  for (const Rgb rgb : {Rgb{222, 36, 40}, Rgb{1, 2, 3}, Rgb{255, 255, 255}, Rgb{9, 200, 250}}) {
    EXPECT_EQ(to_rgb(to_lch(rgb)), rgb);
  }
  EXPECT_NEAR(to_lch({255, 255, 255}).lightness, 1, 1e-3);
  EXPECT_NEAR(to_lch({90, 90, 90}).chroma, 0, 1e-3);
  // Ottosson's own figures for pure red.
  const Lch red = to_lch({255, 0, 0});
  EXPECT_NEAR(red.lightness, 0.62796, 1e-4);
  EXPECT_NEAR(red.chroma, 0.25768, 1e-4);
  EXPECT_NEAR(red.hue, 29.234, 1e-2);
  EXPECT_NEAR(hue_distance(350, 20), 30, 1e-9);
}

TEST(Recolour, AnObjectOfOneHueHasADominantColour) {
  const auto colour = dominant_colour(object({222, 36, 40}));
  ASSERT_TRUE(colour.has_value());
  EXPECT_NEAR(colour->hue, to_lch({222, 36, 40}).hue, 1);
  EXPECT_TRUE(dominant_colour(object({222, 36, 40}, 2, {20, 20, 20})).has_value());
}

TEST(Recolour, GrayAndManyColouredObjectsHaveNone) {
  EXPECT_FALSE(dominant_colour(object({110, 110, 110})).has_value());
  EXPECT_FALSE(dominant_colour(object({110, 100, 96})).has_value());
  EXPECT_FALSE(dominant_colour(object({222, 36, 40}, 10, {40, 104, 224})).has_value());
}

TEST(Recolour, GivesTheNewColourAndLeavesOthersAlone) {
  for (const Rgb from : {Rgb{222, 36, 40}, Rgb{250, 216, 60}, Rgb{30, 60, 140}}) {
    for (const NamedColour& to : named_colours()) {
      if (!to.for_objects) continue;
      formats::Image image = object(from, 3, {24, 24, 24});
      const auto old = dominant_colour(image);
      ASSERT_TRUE(old.has_value());
      recolour(image, *old, to_lch(to.rgb));
      const auto found = dominant_colour(image);
      ASSERT_TRUE(found.has_value()) << to.name;
      EXPECT_LT(hue_distance(found->hue, to_lch(to.rgb).hue), 8) << to.name;
      EXPECT_NEAR(found->lightness, to_lch(to.rgb).lightness, 0.06) << to.name;
      const uint8_t* edge = image.pixels.data() + 4 * (image.width * (image.height / 2) + 1);
      EXPECT_NEAR(edge[0], 24, 3) << "a black outline stays black";
    }
  }
}

TEST(NamedColours, WordsOfColoursAreKnown) {
  for (const char* word : {"red", "golden", "blue-green", "dark", "red,"}) {
    EXPECT_TRUE(names_colour(word)) << word;
  }
  for (const char* word : {"reader", "apple", "", "bluebird"})
    EXPECT_FALSE(names_colour(word)) << word;
}

}  // namespace
}  // namespace edgefusion::data
