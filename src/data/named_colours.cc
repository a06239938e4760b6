#include "data/named_colours.h"

#include <algorithm>

namespace edgefusion::data {
namespace {

constexpr NamedColour kColours[] = {{"red", {222, 36, 40}, true},
                                    {"orange", {250, 136, 20}, true},
                                    {"yellow", {252, 216, 40}, true},
                                    {"green", {52, 168, 72}, true},
                                    {"blue", {40, 104, 224}, true},
                                    {"purple", {132, 60, 196}, true},
                                    {"pink", {250, 140, 190}, true},
                                    {"brown", {132, 84, 48}, false},
                                    {"gray", {140, 140, 140}, false},
                                    {"black", {20, 20, 20}, false},
                                    {"teal", {16, 132, 132}, false},
                                    {"light blue", {160, 208, 248}, false},
                                    {"light green", {168, 228, 160}, false},
                                    {"dark blue", {20, 40, 112}, false}};

constexpr std::string_view kWords[] = {
    "red",   "orange",   "yellow",   "green",   "blue",  "purple",  "pink",      "brown",
    "gray",  "grey",     "black",    "white",   "teal",  "tan",     "cyan",      "magenta",
    "gold",  "golden",   "silver",   "violet",  "beige", "crimson", "turquoise", "colored",
    "color", "colorful", "coloured", "rainbow", "light", "dark",    "bronze"};

}  // namespace

std::span<const NamedColour> named_colours() { return kColours; }

bool names_colour(std::string_view word) {
  while (!word.empty() && (word.back() < 'a' || word.back() > 'z')) word.remove_suffix(1);
  return std::ranges::find(kWords, word.substr(word.rfind('-') + 1)) != std::end(kWords) ||
         std::ranges::find(kWords, word.substr(0, word.find('-'))) != std::end(kWords);
}

}  // namespace edgefusion::data
