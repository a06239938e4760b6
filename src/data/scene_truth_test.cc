// What the captions of several hundred scenes say, against what is to be seen on the pictures.
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "data/testing/seen_scene.h"
#include "data/testing/synthesize_case.h"

namespace edgefusion::data {
namespace {

using Seen = std::vector<SeenObject>;

const std::map<std::string, std::string> kColourOf = {{"ball", "red"},
                                                      {"box", "blue"},
                                                      {"kite", "green"},
                                                      {"orange ring", "orange"},
                                                      {"cross", "purple"}};
const std::map<std::string, std::string> kOneOf = {{"balls", "ball"},
                                                   {"boxes", "box"},
                                                   {"kites", "kite"},
                                                   {"orange rings", "orange ring"},
                                                   {"crosses", "cross"}};

/// The only object of this name, told by its colour.
const SeenObject* find(const Seen& seen, const std::string& name) {
  const SeenObject* found = nullptr;
  for (const SeenObject& object : seen) {
    if (object.colour != kColourOf.at(name)) continue;
    if (found != nullptr) return nullptr;
    found = &object;
  }
  return found;
}

bool is_beside(const Seen& seen, const std::string& a, const std::string& how,
               const std::string& b) {
  const SeenObject* first = find(seen, a);
  const SeenObject* second = find(seen, b);
  if (first == nullptr || second == nullptr) return false;
  if (how == "to the left of") return first->right < second->left;
  if (how == "to the right of") return first->left > second->right;
  if (how == "above") return first->bottom < second->top;
  return how == "below" && first->top > second->bottom;
}

bool is_at(const SeenObject& seen, const std::string& place) {
  const double x = (seen.left + seen.right) / 2, y = (seen.top + seen.bottom) / 2;
  const auto says = [&](const char* word) { return place.find(word) != std::string::npos; };
  const bool left = says("left"), right = says("right");
  const bool top = says("top") || says("upper"), bottom = says("bottom") || says("lower");
  const auto side = [](bool low, bool high, double at) {
    return low ? at < 0.35 : high ? at > 0.65 : std::abs(at - 0.5) < 0.1;
  };
  return (left || right || top || bottom) && side(left, right, x) && side(top, bottom, y);
}

bool has_size(const SeenObject& seen, const std::string& word) {
  return word == "big" || word == "large" ? seen.longest() > 0.5 : seen.longest() < 0.32;
}

bool has_background(const SeenScene& scene, const std::string& words) {
  std::smatch found;
  if (std::regex_match(words, found, std::regex("an? (.*) and white checkered background"))) {
    return scene.checkered && scene.background == found[1];
  }
  if (std::regex_match(words, found, std::regex("a soft (.*) gradient background"))) {
    return scene.gradient && !scene.checkered && scene.background == found[1];
  }
  return std::regex_match(words, found, std::regex("an? (.*) background")) && !scene.checkered &&
         !scene.gradient && scene.background == found[1];
}

/// The phrase of a caption in one of the two templates, or alone.
std::string phrase_of(std::string caption, bool& says_white) {
  const std::string before = "a drawing of ", after = " sketch, white background";
  if (caption.starts_with(before)) caption.erase(0, before.size());
  says_white = caption.ends_with(after);
  if (says_white) caption.erase(caption.size() - after.size());
  return caption;
}

/// "" if it is true, or what is wrong.
std::string falsehood(const std::string& caption, const SeenScene& scene) {
  static const std::string kName = "an? (ball|box|kite|orange ring|cross)";
  static const std::regex kTwo(kName + " and " + kName);
  static const std::regex kSides(kName + " (to the left of|to the right of|above|below) " + kName);
  static const std::regex kCount("(two|three|four) ([a-z ]+)");
  static const std::regex kColour("an? ([a-z]+) (ball|box|kite|cross)");
  static const std::regex kSize("an? (small|tiny|big|large) (ball|box|kite|orange ring|cross)");
  static const std::regex kSizes("a (big|small) ([a-z ]+) and a (big|small) ([a-z ]+)");
  static const std::regex kPlace(kName + " ((in|on|at) the .*)");
  static const std::regex kBackground(kName + " on (.*background)");
  const Seen& seen = scene.objects;
  const auto expect = [](bool truth, const char* what) { return truth ? "" : what; };
  bool says_white = false;
  const std::string phrase = phrase_of(caption, says_white);
  if (says_white && scene.background != "white") return "background is not white";
  std::smatch m;
  if (std::regex_match(phrase, m, kSizes)) {
    const SeenObject* a = find(seen, m[2]);
    const SeenObject* b = find(seen, m[4]);
    return expect(seen.size() == 2 && a != nullptr && b != nullptr && has_size(*a, m[1]) &&
                      has_size(*b, m[3]) && m[1] != m[3],
                  "sizes");
  }
  if (std::regex_match(phrase, m, kTwo)) {
    return expect(seen.size() == 2 && find(seen, m[1]) && find(seen, m[2]) && m[1] != m[2], "two");
  }
  if (std::regex_match(phrase, m, kSides)) {
    return expect(seen.size() == 2 && is_beside(seen, m[1], m[2], m[3]), "sides");
  }
  if (std::regex_match(phrase, m, kCount)) {
    const std::map<std::string, size_t> numbers = {{"two", 2}, {"three", 3}, {"four", 4}};
    const std::string colour = kColourOf.at(kOneOf.at(m[2]));
    const bool same = std::ranges::all_of(seen, [&](const auto& o) { return o.colour == colour; });
    return expect(same && seen.size() == numbers.at(m[1]), "count");
  }
  if (seen.size() != 1) return "one object";
  if (std::regex_match(phrase, m, kSize)) {
    return expect(find(seen, m[2]) != nullptr && has_size(seen[0], m[1]), "size");
  }
  if (std::regex_match(phrase, m, kBackground)) {
    return expect(find(seen, m[1]) != nullptr && has_background(scene, m[2]), "background");
  }
  if (std::regex_match(phrase, m, kPlace)) {
    return expect(find(seen, m[1]) != nullptr && is_at(seen[0], m[2]), "place");
  }
  if (std::regex_match(phrase, m, kColour)) {
    return expect(seen[0].colour == m[1] && m[1] != kColourOf.at(m[2]), "colour");
  }
  return "a sentence that the test does not know";
}

class SceneTruthTest : public SynthesizeTest {};

TEST_F(SceneTruthTest, EveryCaptionOfSevenHundredScenesIsTrue) {
  const auto report = run(config({{"scenes", 700}}));
  ASSERT_TRUE(report) << report.error().message();
  const std::vector<WrittenScene> scenes = read(folder_ / "out");
  ASSERT_EQ(scenes.size(), 700u);
  for (const WrittenScene& scene : scenes) {
    const SeenScene seen(scene.picture);
    ASSERT_GE(scene.notes["captions"].size(), 2u);
    EXPECT_EQ(scene.notes["captions"][0], scene.caption);
    for (const std::string caption : scene.notes["captions"]) {
      const std::string wrong = falsehood(caption, seen);
      EXPECT_EQ(wrong, "") << scene.key << " " << scene.notes["kind"] << ": " << caption
                           << "; seen " << seen.objects.size() << " " << seen.objects.front().colour
                           << " on " << seen.background;
    }
  }
  for (const SceneKind& kind : scene_kinds()) {
    EXPECT_GT(report->kinds.at(kind.name), 40) << kind.name;
  }
}

TEST_F(SceneTruthTest, TheCheckSeesWhatIsFalse) {
  ASSERT_TRUE(run(config({{"scenes", 200}})));
  // Each caption against the picture of the next scene: few of them fit by chance.
  const std::vector<WrittenScene> scenes = read(folder_ / "out");
  int fit = 0;
  for (size_t i = 0; i < scenes.size(); ++i) {
    const SeenScene other(scenes[(i + 1) % scenes.size()].picture);
    fit += falsehood(scenes[i].caption, other).empty() ? 1 : 0;
  }
  EXPECT_LT(fit, 10);
}

}  // namespace
}  // namespace edgefusion::data
