#include "eval/class_texts.h"

#include <array>

#include "eval/text_lines.h"

namespace edgefusion::eval {

std::span<const std::string> everyday_things() {
  static const std::array<std::string, 100> things = {
      "an apple",        "a banana",        "a strawberry",
      "a lemon",         "a pear",          "a carrot",
      "a tomato",        "a mushroom",      "a loaf of bread",
      "a slice of cake", "a pizza",         "a hamburger",
      "an egg",          "a cup of coffee", "a bottle",
      "a glass of wine", "a cat",           "a dog",
      "a horse",         "a cow",           "a pig",
      "a rabbit",        "a mouse",         "an elephant",
      "a lion",          "a bear",          "a monkey",
      "a fox",           "a bird",          "a chicken",
      "a penguin",       "an owl",          "a fish",
      "a whale",         "an octopus",      "a snake",
      "a turtle",        "a frog",          "a butterfly",
      "a bee",           "a spider",        "a snail",
      "a flower",        "a rose",          "a tree",
      "a leaf",          "a cactus",        "the sun",
      "the moon",        "a star",          "a cloud",
      "a snowflake",     "a fire",          "a mountain",
      "a house",         "a castle",        "a church",
      "a bridge",        "a tent",          "a car",
      "a bus",           "a truck",         "a bicycle",
      "a train",         "a boat",          "an airplane",
      "a rocket",        "an anchor",       "a wheel",
      "a smiling face",  "an angry face",   "a sad face",
      "a hand",          "an eye",          "a heart",
      "a baby",          "a woman",         "a man",
      "a robot",         "a ghost",         "a hat",
      "a shoe",          "a shirt",         "a pair of glasses",
      "an umbrella",     "a key",           "a lock",
      "a book",          "a pencil",        "a pair of scissors",
      "a hammer",        "a light bulb",    "a clock",
      "a telephone",     "a computer",      "a camera",
      "a guitar",        "a ball",          "a gift box",
      "a flag"};
  return things;
}

Result<std::vector<std::string>> class_texts(const std::filesystem::path& file) {
  if (!file.empty()) return read_text_lines(file);
  const auto things = everyday_things();
  return std::vector<std::string>(things.begin(), things.end());
}

}  // namespace edgefusion::eval
