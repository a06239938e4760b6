#include <algorithm>
#include <utility>

#include "core/result.h"
#include "data/english.h"

namespace edgefusion::data {
namespace {

using Words = std::pair<std::string_view, std::string_view>;

// Also as the ends of longer words: "werewolf", "policewoman".
constexpr Words kIrregular[] = {
    {"woman", "women"},   {"man", "men"},       {"child", "children"}, {"person", "people"},
    {"mouse", "mice"},    {"tooth", "teeth"},   {"foot", "feet"},      {"goose", "geese"},
    {"leaf", "leaves"},   {"wolf", "wolves"},   {"knife", "knives"},   {"loaf", "loaves"},
    {"shelf", "shelves"}, {"calf", "calves"},   {"half", "halves"},    {"elf", "elves"},
    {"scarf", "scarves"}, {"thief", "thieves"}, {"wife", "wives"},     {"cactus", "cacti"}};
constexpr std::string_view kRegularAllTheSame[] = {"human",    "shaman", "talisman", "ottoman",
                                                   "mongoose", "caiman", "roman",    "german"};
constexpr Words kWhole[] = {{"ox", "oxen"}, {"die", "dice"}, {"game die", "game dice"}};

constexpr std::string_view kUnchanged[] = {"sheep",    "deer",       "moose", "bison", "fish",
                                           "aircraft", "spacecraft", "squid", "shrimp"};

// Singular although they end in one "s".
constexpr std::string_view kSingular[] = {"bus",   "octopus", "walrus", "virus",  "platypus",
                                          "lotus", "crocus",  "circus", "abacus", "hippopotamus",
                                          "lens",  "atlas",   "iris",   "cactus", "rhinoceros"};

constexpr std::string_view kWithOes[] = {"potato", "tomato",   "hero",    "volcano",
                                         "mango",  "mosquito", "torpedo", "echo"};
constexpr std::string_view kSpokenAsK[] = {"stomach", "monarch", "loch", "epoch"};

// Measured, not counted.
constexpr std::string_view kMass[] = {"water",
                                      "milk",
                                      "rice",
                                      "bread",
                                      "cheese",
                                      "butter",
                                      "honey",
                                      "salt",
                                      "sugar",
                                      "money",
                                      "snow",
                                      "rain",
                                      "fire",
                                      "smoke",
                                      "fog",
                                      "wind",
                                      "sand",
                                      "grass",
                                      "hair",
                                      "fur",
                                      "music",
                                      "furniture",
                                      "luggage",
                                      "baggage",
                                      "clothing",
                                      "equipment",
                                      "traffic",
                                      "lightning",
                                      "thunder",
                                      "ice",
                                      "juice",
                                      "coffee",
                                      "tea",
                                      "beer",
                                      "wine",
                                      "sake",
                                      "meat",
                                      "beef",
                                      "pork",
                                      "bacon",
                                      "poultry",
                                      "food",
                                      "spaghetti",
                                      "pasta",
                                      "sushi",
                                      "tofu",
                                      "corn",
                                      "maize",
                                      "wheat",
                                      "garlic",
                                      "ginger",
                                      "broccoli",
                                      "celery",
                                      "lettuce",
                                      "spinach",
                                      "seafood",
                                      "jewelry",
                                      "makeup",
                                      "yarn",
                                      "cotton",
                                      "wool",
                                      "wood",
                                      "gold",
                                      "silver",
                                      "steel",
                                      "weather",
                                      "energy",
                                      "electricity",
                                      "art",
                                      "hockey",
                                      "tennis",
                                      "soccer",
                                      "golf",
                                      "rugby",
                                      "badminton",
                                      "lacrosse",
                                      "cricket",
                                      "software",
                                      "hardware",
                                      "popcorn",
                                      "confetti",
                                      "dynamite",
                                      "soap",
                                      "love",
                                      "peace",
                                      "anger",
                                      "fun",
                                      "entertainment",
                                      "transportation",
                                      "medicine",
                                      "chocolate",
                                      "curry",
                                      "mail",
                                      "fruit",
                                      "ash",
                                      "space",
                                      "police",
                                      "fencing",
                                      "cattle",
                                      "data",
                                      "dna"};

// Of which there is one, and words that are no nouns at the end of a phrase.
constexpr std::string_view kUncounted[] = {
    "up",    "down", "out",      "off",     "over",   "on",    "in",       "left",
    "right", "away", "together", "open",    "closed", "full",  "empty",    "low",
    "high",  "none", "back",     "well",    "evil",   "beach", "universe", "world",
    "sun",   "sky",  "earth",    "o'clock", "thirty", "pair",  "set",      "star-struck"};

// "nine o'clock", "nine-thirty".
constexpr std::string_view kHours[] = {"o'clock", "thirty"};

// Nouns, unlike others that end so ("walking").
constexpr std::string_view kNounsInIng[] = {"ring",   "king",     "wing",     "string",   "spring",
                                            "swing",  "building", "painting", "dumpling", "sling",
                                            "awning", "earring",  "duckling", "seedling", "sibling",
                                            "thing",  "drawing",  "viking",   "stocking"};

constexpr std::string_view kForbidden[] = {
    "and",   "or",    "a",    "an",   "the",    "no",     "not",   "with",   "in",
    "on",    "at",    "for",  "from", "by",     "to",     "under", "behind", "without",
    "over",  "into",  "as",   "one",  "two",    "three",  "four",  "five",   "six",
    "seven", "eight", "nine", "ten",  "eleven", "twelve", "both",  "many",   "pair"};

template <typename List>
bool is_in(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }

bool may_be_part(std::string_view word) {
  const bool plain =
      std::ranges::all_of(word, [](char c) { return is_letter(c) || c == '-' || c == '\''; });
  return plain && is_letter(word.front()) && !is_in(kForbidden, word);
}

/// A verb stands behind the noun: "person walking", "woman tipping hand".
bool looks_like_verb(std::string_view word) {
  return word.ends_with("ing") && !is_in(kNounsInIng, word);
}

std::string cut(std::string_view word, size_t letters) {
  return std::string(word.substr(0, word.size() - letters));
}

std::optional<std::string> irregular(std::string_view word) {
  if (is_in(kUnchanged, word) || word.ends_with("fish")) return std::string(word);
  if (is_in(kRegularAllTheSame, word)) return std::string(word) + "s";
  for (const auto& [one, many] : kWhole) {
    if (word == one) return std::string(many);
  }
  for (const auto& [one, many] : kIrregular) {
    if (word.ends_with(one)) return cut(word, one.size()) + std::string(many);
  }
  return std::nullopt;
}

std::optional<std::string> plural_of_word(std::string_view word) {
  const std::string_view last = word.substr(word.rfind('-') + 1);
  if (last.size() < 2 || is_in(kUncounted, last) || is_in(kUncounted, word)) return std::nullopt;
  if (is_in(kMass, last)) return std::nullopt;
  if (looks_like_verb(last) || last.ends_with("ed")) return std::nullopt;
  if (auto found = irregular(last)) return cut(word, last.size()) + *found;
  const std::string text(word);
  const char end = last.back(), before = last[last.size() - 2];
  if (is_in(kSingular, last) || last.ends_with("ss")) return text + "es";
  if (end == 's' || end == 'z') return std::nullopt;
  if (end == 'x' || last.ends_with("sh")) return text + "es";
  if (last.ends_with("ch")) return text + (is_in(kSpokenAsK, last) ? "s" : "es");
  if (end == 'y' && !is_vowel(before)) return cut(word, 1) + "ies";
  if (end == 'o' && is_in(kWithOes, last)) return text + "es";
  return text + "s";
}

}  // namespace

std::optional<std::string> plural_of(std::string_view phrase) {
  const std::vector<std::string_view> words = words_of(phrase);
  if (words.empty() || !std::ranges::all_of(words, may_be_part)) return std::nullopt;
  const auto of = std::ranges::find(words, "of");
  if (of == words.begin()) return std::nullopt;
  // Of a "woman judge" both words have a plural.
  if (of - words.begin() > 1 && (words[0] == "man" || words[0] == "woman")) return std::nullopt;
  // A verb may lead ("flying saucer"), for then it describes the thing.
  for (auto word = words.begin() + 1; word < of; ++word) {
    if (looks_like_verb(*word)) return std::nullopt;
  }
  const std::string_view head = *(of - 1);
  const auto many = plural_of_word(head);
  if (!many) return std::nullopt;
  const auto begin = static_cast<size_t>(head.data() - phrase.data());
  return std::string(phrase.substr(0, begin)) + *many +
         std::string(phrase.substr(begin + head.size()));
}

bool is_mass(std::string_view phrase) {
  const std::string_view last = phrase.substr(phrase.find_last_of(" -") + 1);
  return is_in(kMass, last) || is_in(kHours, last);
}

std::string_view number_word(int count) {
  constexpr std::string_view kWords[] = {"two", "three", "four"};
  EF_CHECK(count >= 2 && count <= 4, "counts of scenes");
  return kWords[count - 2];
}

}  // namespace edgefusion::data
