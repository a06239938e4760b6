#include "train/mirroring.h"

#include <gtest/gtest.h>

namespace edgefusion::train {
namespace {

bool mirrors(const std::string& caption) { return may_mirror(std::vector<std::string>{caption}); }

TEST(Mirroring, ObjectsWithoutASideMayBeMirrored) {
  for (const char* caption :
       {"a 3D emoji of a fox", "clip art of a sailboat", "a bright kitchen", "two apples", "",
        "a pixel art emoji of a dragon, 8-bit", "fox, 32x32 pixel art", "a photo of aleft over",
        "a noto style emoji of a wrist", "a textured wall", "a design"}) {
    EXPECT_TRUE(mirrors(caption)) << caption;
  }
}

TEST(Mirroring, CaptionsThatTellOfASideAreNot) {
  for (const char* caption :
       {"an apple to the left of a car", "Right arrow", "a left-pointing magnifying glass",
        "clockwise vertical arrows", "a car in the bottom right corner", "(left)", "rewind",
        "a waxing crescent moon", "last quarter moon"}) {
    EXPECT_FALSE(mirrors(caption)) << caption;
  }
}

TEST(Mirroring, WhatHasARightWayRoundIsNot) {
  for (const char* caption :
       {"a stop sign", "OK button", "an alarm clock", "three o'clock", "flags of the world",
        "input latin letters", "an ATM", "a 3D emoji of keycap: 5", "uv index 5 fill",
        "the number 7", "ABC", "musical notes", "a dollar banknote", "a check mark",
        "a world map"}) {
    EXPECT_FALSE(mirrors(caption)) << caption;
  }
}

TEST(Mirroring, WordsOfAStyleDoNotCountButTheSameWordsOfAnObjectDo) {
  EXPECT_TRUE(mirrors("3D sticker of a fox"));
  EXPECT_TRUE(mirrors("fox, sticker with a bold outline"));
  EXPECT_FALSE(mirrors("a 3D emoji of a sticker"));
}

TEST(Mirroring, OneOfManyCaptionsIsEnough) {
  EXPECT_FALSE(
      may_mirror(std::vector<std::string>{"an apple and a car", "an apple left of a car"}));
  EXPECT_TRUE(may_mirror(std::vector<std::string>{"an apple and a car", "a car and an apple"}));
  EXPECT_TRUE(may_mirror({}));
}

}  // namespace
}  // namespace edgefusion::train
