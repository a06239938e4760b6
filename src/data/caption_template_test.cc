#include "data/caption_template.h"

#include <gtest/gtest.h>

namespace edgefusion::data {
namespace {

std::vector<NamedCaptions> emoji() {
  return {
      {"fox", {"a 3D emoji of a fox", "fox, 3D icon", "a 3D emoji of a fox, animal", "fox"}},
      {"apple", {"an apple sticker", "a 3D emoji of an apple", "an apple sticker, red", "apple"}},
      {"owl", {"a 3D emoji of an owl", "an owl sticker", "owl"}},
      {"person bowing", {"a 3D emoji of a person bowing deeply", "person bowing"}},
      {"car", {"a 3D emoji of a car", "a car sticker", "a 3D emoji of a car, red", "car"}},
      {"water", {"a 3D emoji of water", "water"}}};
}

TEST(CaptionTemplate, WhatManySamplesShareIsLearned) {
  const std::vector<CaptionTemplate> expected = {{"a 3D emoji of ", ""}};
  EXPECT_EQ(learn_templates(emoji()), expected);
  EXPECT_EQ(expected[0].with("two foxes"), "a 3D emoji of two foxes");
}

TEST(CaptionTemplate, WordsBehindTheNameAreTemplatesWhereNoneStandBeforeIt) {
  const std::vector<NamedCaptions> icons = {{"fox", {"fox, flat icon"}},
                                            {"car", {"car, flat icon"}}};
  EXPECT_EQ(learn_templates(icons), (std::vector<CaptionTemplate>{{"", ", flat icon"}}));
}

TEST(CaptionTemplate, NamesComeWithWhatTheCaptionsAddToThem) {
  const auto samples = emoji();
  const auto templates = learn_templates(samples);
  const auto name = [&](size_t i) { return name_in(samples[i], templates); };
  EXPECT_EQ(name(0)->noun, "fox");
  EXPECT_TRUE(name(0)->counted);
  EXPECT_EQ(name(3)->noun, "person bowing deeply");
  EXPECT_EQ(name(5)->noun, "water");
  EXPECT_FALSE(name(5)->counted);
}

TEST(CaptionTemplate, NamesThatNoSentenceCanHoldAreRefused) {
  const std::vector<CaptionTemplate> templates = {{"an emoji of ", ""}};
  for (const char* text : {"family, man, girl", "salt and pepper", "man with beard", "keycap: 5",
                           "a b c d e f", "x\"y", "the end", "caf\xc3\xa9"}) {
    const std::string noun = text;
    EXPECT_FALSE(name_in({noun, {"an emoji of " + noun}}, templates)) << noun;
  }
  EXPECT_FALSE(name_in({"fox", {"a picture of a fox"}}, templates));
}

TEST(CaptionTemplate, WithoutANameTheFirstCaptionIsIt) {
  const std::vector<NamedCaptions> samples = {{"", {"A red fox.", "something else"}},
                                              {"", {"water"}}};
  const auto templates = learn_templates(samples);
  EXPECT_EQ(templates, std::vector<CaptionTemplate>{CaptionTemplate{}});
  EXPECT_EQ(name_in(samples[0], templates)->noun, "red fox");
  EXPECT_TRUE(name_in(samples[0], templates)->counted);
  EXPECT_FALSE(name_in(samples[1], templates)->counted);
}

}  // namespace
}  // namespace edgefusion::data
