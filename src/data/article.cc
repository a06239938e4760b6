#include <algorithm>

#include "data/english.h"

namespace edgefusion::data {
namespace {

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
char lower(char c) { return is_capital(c) ? static_cast<char>(c - 'A' + 'a') : c; }

// Vowels that are spoken as "you" or "won", and consonants that are not spoken.
constexpr std::string_view kSpokenAsConsonant[] = {"uni",   "use",  "usu", "uti",  "ura", "uku",
                                                   "eu",    "ewe",  "one", "once", "u-",  "ukr",
                                                   "urine", "ubiq", "ufo", "yp"};
constexpr std::string_view kSpokenAsVowel[] = {"unin", "unim",   "unid",  "unil",  "hour",
                                               "heir", "honest", "honor", "honour"};

/// Letters whose names begin with a vowel: "an F".
bool letter_begins_with_vowel(char capital) {
  return std::string_view("AEFHILMNORSX").find(capital) != std::string_view::npos;
}

bool begins_with_vowel(std::string_view phrase) {
  const std::string_view piece = phrase.substr(0, phrase.find_first_of(" -"));
  if (!piece.empty() && std::ranges::all_of(piece, is_capital)) {
    return letter_begins_with_vowel(piece.front());
  }
  if (piece == "11" || piece == "18" || piece.starts_with('8')) return true;
  std::string text(phrase);
  std::ranges::transform(text, text.begin(), lower);
  const auto begins = [&](std::string_view start) { return text.starts_with(start); };
  if (std::ranges::any_of(kSpokenAsVowel, begins)) return true;
  if (std::ranges::any_of(kSpokenAsConsonant, begins)) return false;
  return !text.empty() && std::string_view("aeiou").find(text.front()) != std::string_view::npos;
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string with_article(std::string_view phrase) {
  return (begins_with_vowel(phrase) ? "an " : "a ") + std::string(phrase);
}

}  // namespace edgefusion::data
