#include "data/scene_kinds.h"

#include <algorithm>
#include <array>

#include "data/english.h"
#include "data/named_colours.h"
#include "data/object_pool.h"

namespace edgefusion::data {
namespace {

constexpr double kDifferentHue = 38;  // degrees; nearer ones may have one name

bool has_word(const std::string& noun, std::span<const std::string_view> list) {
  return std::ranges::any_of(words_of(noun), [&](std::string_view word) {
    return std::ranges::find(list, word) != list.end();
  });
}

bool any(const SceneObject&) { return true; }

// Two objects, with nothing said of how they lie.
Arrangement arrange_two(std::span<const Actor> actors, Dice& dice) {
  const Box first = actors[0].extent.scaled(dice.between(0.34, 0.46));
  const Box second = actors[1].extent.scaled(dice.between(0.34, 0.46));
  const Axis axis = dice.below(3) == 0 ? Axis::down : Axis::across;
  const std::string a = actors[0].object->phrase(), b = actors[1].object->phrase();
  // Read from the left: the first named is not always the left one, so they are drawn.
  const bool swapped = dice.below(2) == 1;
  Arrangement made;
  made.boxes =
      swapped ? in_order(second, first, axis, 0.2, dice) : in_order(first, second, axis, 0.2, dice);
  made.actors = swapped ? std::vector<size_t>{1, 0} : std::vector<size_t>{0, 1};
  made.phrases = {a + " and " + b, b + " and " + a};
  return made;
}

// One beside, above or below the other.
Arrangement arrange_sides(std::span<const Actor> actors, Dice& dice) {
  const Box first = actors[0].extent.scaled(dice.between(0.34, 0.46));
  const Box second = actors[1].extent.scaled(dice.between(0.34, 0.46));
  const Axis axis = dice.below(2) == 0 ? Axis::across : Axis::down;
  const std::string a = actors[0].object->phrase(), b = actors[1].object->phrase();
  const bool across = axis == Axis::across;
  const std::string forth = a + (across ? " to the left of " : " above ") + b;
  const std::string back = b + (across ? " to the right of " : " below ") + a;
  Arrangement made;
  made.boxes = in_order(first, second, axis, 0.06, dice);
  made.actors = {0, 1};
  made.phrases = {forth, back};
  if (dice.below(2) == 1) std::swap(made.phrases[0], made.phrases[1]);
  return made;
}

bool can_count(const SceneObject& object) {
  return object.plural.has_value() && object.traits.one_piece;
}

Arrangement arrange_counts(std::span<const Actor> actors, Dice& dice) {
  const int count = 2 + static_cast<int>(dice.below(3));
  Arrangement made;
  made.boxes = in_group(actors[0].extent, count, dice);
  made.actors.assign(static_cast<size_t>(count), 0);
  made.phrases = {std::string(number_word(count)) + " " + *actors[0].object->plural};
  return made;
}

bool can_change_colour(const SceneObject& object) {
  return object.name.counted && object.traits.colour.has_value() &&
         std::ranges::none_of(words_of(object.name.noun), names_colour);
}

Arrangement arrange_colours(std::span<const Actor> actors, Dice& dice) {
  const SceneObject& object = *actors[0].object;
  std::vector<const NamedColour*> others;
  for (const NamedColour& colour : named_colours()) {
    const bool other =
        hue_distance(to_lch(colour.rgb).hue, object.traits.colour->hue) > kDifferentHue;
    if (colour.for_objects && other) others.push_back(&colour);
  }
  const NamedColour& colour = *others[dice.below(others.size())];
  Arrangement made;
  made.boxes = {in_middle(actors[0].extent.scaled(dice.between(0.6, 0.88)), 0.08, dice)};
  made.actors = {0};
  made.colour = colour.rgb;
  made.phrases = {with_article(std::string(colour.name) + " " + object.name.noun)};
  return made;
}

constexpr std::string_view kSizes[] = {"small", "big",   "large",  "tiny",         "huge", "little",
                                       "mini",  "giant", "medium", "medium-small", "long", "short"};

bool can_have_size(const SceneObject& object) {
  return object.name.counted && !has_word(object.name.noun, kSizes);
}

std::string sized(const std::string& size, const SceneObject& object) {
  return with_article(size + " " + object.name.noun);
}

Arrangement arrange_sizes(std::span<const Actor> actors, Dice& dice) {
  const SceneObject& a = *actors[0].object;
  const SceneObject& b = *actors[1].object;
  const size_t choice = can_have_size(b) ? dice.below(4) : dice.below(2);
  Arrangement made;
  made.actors = {0};
  if (choice == 0) {
    made.boxes = {in_middle(actors[0].extent.scaled(dice.between(0.2, 0.3)), 0.2, dice)};
    made.phrases = {sized("small", a), sized("tiny", a)};
  } else if (choice == 1) {
    made.boxes = {in_middle(actors[0].extent.scaled(dice.between(0.88, 0.95)), 0.02, dice)};
    made.phrases = {sized("big", a), sized("large", a)};
  } else {
    const Box big = actors[0].extent.scaled(dice.between(0.56, 0.66));
    const Box small = actors[1].extent.scaled(dice.between(0.18, 0.25));
    const Axis axis = dice.below(3) == 0 ? Axis::down : Axis::across;
    const bool big_first = dice.below(2) == 0;
    made.boxes =
        big_first ? in_order(big, small, axis, 0.12, dice) : in_order(small, big, axis, 0.12, dice);
    made.actors = big_first ? std::vector<size_t>{0, 1} : std::vector<size_t>{1, 0};
    made.phrases = {sized("big", a) + " and " + sized("small", b),
                    sized("small", b) + " and " + sized("big", a)};
    if (choice == 3) std::swap(made.phrases[0], made.phrases[1]);
  }
  return made;
}

struct Place {
  int column, row;
  const char* words;
  const char* otherwise;
};

constexpr Place kPlaces[] = {{-1, -1, "in the top left corner", "in the upper left corner"},
                             {1, -1, "in the top right corner", "in the upper right corner"},
                             {-1, 1, "in the bottom left corner", "in the lower left corner"},
                             {1, 1, "in the bottom right corner", "in the lower right corner"},
                             {-1, 0, "on the left side", "on the left"},
                             {1, 0, "on the right side", "on the right"},
                             {0, -1, "at the top", "at the top of the picture"},
                             {0, 1, "at the bottom", "at the bottom of the picture"}};

Arrangement arrange_positions(std::span<const Actor> actors, Dice& dice) {
  const Place& place = kPlaces[dice.below(std::size(kPlaces))];
  const std::string thing = actors[0].object->phrase();
  Arrangement made;
  made.boxes = {
      at_border(actors[0].extent.scaled(dice.between(0.28, 0.42)), place.column, place.row, dice)};
  made.actors = {0};
  made.phrases = {thing + " " + place.words, thing + " " + place.otherwise};
  return made;
}

bool can_have_background(const SceneObject& object) {
  return object.traits.backgrounds != 0 && !object.traits.white_inside;
}

/// A little lighter or darker; gray stays gray.
Rgb shifted(Rgb colour, Dice& dice) {
  const int by = static_cast<int>(dice.below(21)) - 10;
  const auto add = [&](uint8_t c) { return static_cast<uint8_t>(std::clamp(c + by, 0, 255)); };
  return {add(colour.red), add(colour.green), add(colour.blue)};
}

Arrangement arrange_backgrounds(std::span<const Actor> actors, Dice& dice) {
  const SceneObject& object = *actors[0].object;
  std::vector<const NamedColour*> clear;
  const auto colours = named_colours();
  for (size_t i = 0; i < colours.size(); ++i) {
    if ((object.traits.backgrounds >> i & 1) != 0) clear.push_back(&colours[i]);
  }
  const NamedColour& colour = *clear[dice.below(clear.size())];
  Arrangement made;
  // Most are plain: the other two say more of the style of the picture than of the colour.
  constexpr std::array kBackdrops = {Backdrop::Kind::plain, Backdrop::Kind::plain,
                                     Backdrop::Kind::plain, Backdrop::Kind::gradient,
                                     Backdrop::Kind::checkered};
  made.backdrop = {.kind = kBackdrops[dice.below(kBackdrops.size())],
                   .colour = std::string(colour.name)};
  made.backdrop.rgb = shifted(colour.rgb, dice);
  made.backdrop.direction = static_cast<int>(dice.below(4));
  made.backdrop.cells = 4 << dice.below(2);
  made.boxes = {in_middle(actors[0].extent.scaled(dice.between(0.58, 0.84)), 0.06, dice)};
  made.actors = {0};
  made.phrases = {object.phrase() + words_for(made.backdrop)};
  return made;
}

constexpr SceneKind kKinds[kSceneKinds] = {
    {"two", 3, 2, any, arrange_two},
    {"sides", 4, 2, any, arrange_sides},
    {"counts", 3, 1, can_count, arrange_counts},
    {"colours", 3, 1, can_change_colour, arrange_colours},
    {"sizes", 2, 2, can_have_size, arrange_sizes},
    {"positions", 2, 1, any, arrange_positions},
    {"backgrounds", 3, 1, can_have_background, arrange_backgrounds}};

}  // namespace

std::span<const SceneKind> scene_kinds() { return kKinds; }

}  // namespace edgefusion::data
