#include "data/english.h"

#include <gtest/gtest.h>

#include <utility>

namespace edgefusion::data {
namespace {

TEST(English, TheArticleIsTheSpokenOne) {
  for (const char* phrase :
       {"an apple", "an orange car", "an hour", "an heirloom", "an X-ray", "an SOS sign",
        "an umbrella", "an unidentified object", "an 8-ball", "an owl", "an F", "an eggplant",
        "an ATM", "an hourglass", "an uncle"}) {
    const std::string_view text = phrase;
    EXPECT_EQ(with_article(text.substr(text.find(' ') + 1)), phrase);
  }
  for (const char* phrase :
       {"a car", "a unicorn", "a UFO", "a ukulele", "a one-piece swimsuit", "a house", "a herb",
        "a euro banknote", "a yam", "a T-shirt", "a uniform", "a used tire", "a 3D cube"}) {
    const std::string_view text = phrase;
    EXPECT_EQ(with_article(text.substr(text.find(' ') + 1)), phrase);
  }
}

TEST(English, PluralsOfOneThingAreProper) {
  const std::pair<const char*, const char*> pairs[] = {{"apple", "apples"},
                                                       {"red fox", "red foxes"},
                                                       {"glass of milk", "glasses of milk"},
                                                       {"slice of pizza", "slices of pizza"},
                                                       {"cherry", "cherries"},
                                                       {"toy", "toys"},
                                                       {"donkey", "donkeys"},
                                                       {"werewolf", "werewolves"},
                                                       {"maple leaf", "maple leaves"},
                                                       {"police officer", "police officers"},
                                                       {"snowman", "snowmen"},
                                                       {"woman", "women"},
                                                       {"human", "humans"},
                                                       {"computer mouse", "computer mice"},
                                                       {"mongoose", "mongooses"},
                                                       {"goose", "geese"},
                                                       {"potato", "potatoes"},
                                                       {"piano", "pianos"},
                                                       {"tropical fish", "tropical fish"},
                                                       {"blowfish", "blowfish"},
                                                       {"sheep", "sheep"},
                                                       {"bus", "buses"},
                                                       {"octopus", "octopuses"},
                                                       {"dress", "dresses"},
                                                       {"toothbrush", "toothbrushes"},
                                                       {"church", "churches"},
                                                       {"jack-o-lantern", "jack-o-lanterns"},
                                                       {"t-shirt", "t-shirts"},
                                                       {"flying saucer", "flying saucers"},
                                                       {"diamond ring", "diamond rings"},
                                                       {"game die", "game dice"},
                                                       {"ox", "oxen"},
                                                       {"box", "boxes"},
                                                       {"roof", "roofs"}};
  for (const auto& [one, many] : pairs) EXPECT_EQ(plural_of(one), many) << one;
}

TEST(English, WhatCannotBeCountedHasNone) {
  for (const char* phrase : {"",
                             "scissors",
                             "glasses",
                             "cooked rice",
                             "water",
                             "person walking",
                             "woman tipping hand",
                             "face blowing a kiss",
                             "man with mustache",
                             "Statue of Liberty",
                             "keycap: 5",
                             "salt and pepper",
                             "thumbs up",
                             "no entry",
                             "two hearts",
                             "one o'clock",
                             "family, man",
                             "bird on branch",
                             "of",
                             "pair of boots",
                             "popcorn",
                             "woman judge",
                             "unamused",
                             "8-bit",
                             "mountain biking"}) {
    EXPECT_FALSE(plural_of(phrase).has_value()) << phrase << " " << plural_of(phrase).value_or("");
  }
}

TEST(English, WhatIsMeasuredIsTold) {
  EXPECT_TRUE(is_mass("popcorn"));
  EXPECT_TRUE(is_mass("cooked rice"));
  EXPECT_TRUE(is_mass("nine-thirty"));
  EXPECT_TRUE(is_mass("one o'clock"));
  EXPECT_FALSE(is_mass("rice ball"));
  EXPECT_FALSE(is_mass("palms up"));
}

TEST(English, WordsArePartedBySpaces) {
  EXPECT_EQ(words_of(" a  b "), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_TRUE(words_of("").empty());
}

}  // namespace
}  // namespace edgefusion::data
