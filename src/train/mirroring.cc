#include "train/mirroring.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace edgefusion::train {
namespace {

// In singular; a plural "s" counts as well.
constexpr std::string_view kWords[] = {
    // Sides: the caption would say the opposite of what is to be seen.
    "left", "right", "leftward", "rightward", "leftmost", "rightmost", "east", "west", "eastern",
    "western", "northeast", "northwest", "southeast", "southwest",
    // Turnings, and before and after, which arrows show as sides.
    "clockwise", "counterclockwise", "anticlockwise", "forward", "backward", "back", "next",
    "previous", "rewind", "undo", "redo", "return", "recycling", "recycle",
    // Half a moon is on one side.
    "waxing", "waning", "quarter",
    // Writing itself.
    "letter", "alphabet", "abc", "text", "word", "writing", "written", "latin", "kanji", "katakana",
    "hiragana", "ideograph", "ideographic", "number", "numeral", "numeric", "digit", "keycap",
    "uppercase", "lowercase", "signature", "handwriting",
    // What has writing on it.
    "sign", "button", "label", "logo", "badge", "sticker", "poster", "banner", "note", "memo",
    "newspaper", "page", "document", "receipt", "ticket", "license", "licence", "plate", "calendar",
    "keyboard", "calculator", "card", "banknote", "coin", "stamp", "barcode", "scoreboard",
    // Signs with one right way round.
    "question", "percent", "dollar", "euro", "yen", "pound", "rupee", "currency", "copyright",
    "registered", "trademark", "information", "ampersand", "check", "tick", "music", "musical",
    "clef", "treble", "melody", "zodiac", "om",
    // Faces with digits, and pictures of places.
    "clock", "watch", "stopwatch", "compass", "gauge", "speedometer", "thermometer", "ruler",
    "dial", "map", "globe", "continent", "america", "americas", "asia", "africa", "europe",
    "country", "flag"};

// The style of a picture, not what it shows.
constexpr std::string_view kStyles[] = {"3D sticker of", "sticker with a bold outline",
                                        "a sticker icon of", "a flat round badge icon of"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_known(std::string word) {
  std::ranges::transform(word, word.begin(), [](char c) {
    return static_cast<char>(is_capital(c) ? c - 'A' + 'a' : c);
  });
  const auto known = [](std::string_view w) {
    return std::ranges::find(kWords, w) != std::end(kWords);
  };
  return known(word) || (word.ends_with('s') && known(word.substr(0, word.size() - 1)));
}

/// A number ("10", not the "8-bit" and "3D" of styles) or an abbreviation ("ATM", "OK").
bool is_written(std::string_view piece) {
  while (!piece.empty() && !is_letter(piece.back()) && !is_digit(piece.back())) {
    piece.remove_suffix(1);
  }
  if (piece.empty()) return false;
  return std::ranges::all_of(piece, is_digit) ||
         (piece.size() > 1 && std::ranges::all_of(piece, is_capital));
}

/// Of text without spaces: "left-pointing" has the word "left".
bool has_side(std::string_view piece) {
  if (is_written(piece)) return true;
  std::string word;
  for (size_t i = 0; i <= piece.size(); ++i) {
    if (i < piece.size() && is_letter(piece[i])) {
      word += piece[i];
      continue;
    }
    if (is_known(word)) return true;
    word.clear();
  }
  return false;
}

}  // namespace

bool may_mirror(std::span<const std::string> captions) {
  for (std::string caption : captions) {
    for (const std::string_view style : kStyles) {
      const size_t at = caption.find(style);
      if (at != std::string::npos) caption.erase(at, style.size());
    }
    const std::string_view text = caption;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(' ', begin), text.size());
      if (has_side(text.substr(begin, end - begin))) return false;
      begin = end + 1;
    }
  }
  return true;
}

}  // namespace edgefusion::train
