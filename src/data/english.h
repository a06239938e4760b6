#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgefusion::data {

/// The words of a text that are parted by spaces.
std::vector<std::string_view> words_of(std::string_view text);

/// "an apple", "a unicorn", "an hour", "an X-ray", "a UFO": the phrase with its article, as it is
/// spoken in most cases.
std::string with_article(std::string_view phrase);

/// "red foxes" of "red fox", "glasses of milk" of "glass of milk". Nothing where it is not clear
/// that the phrase names one thing that can be counted: proper names, what ends in "s" or in a verb
/// ("person walking"), what is poured or weighed ("rice"), lists, numbers.
std::optional<std::string> plural_of(std::string_view phrase);

/// Whether the last word is of something that is measured ("popcorn"), or an hour ("nine-thirty"),
/// so that it has no article.
bool is_mass(std::string_view phrase);

/// "two", "three", "four" of 2 to 4.
std::string_view number_word(int count);

}  // namespace edgefusion::data
