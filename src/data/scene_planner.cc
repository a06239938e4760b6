#include "data/scene_planner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/english.h"
#include "data/named_colours.h"

namespace edgefusion::data {
namespace {

std::string_view last_word(const SceneObject& object) {
  const std::string_view noun = object.name.noun;
  return noun.substr(noun.rfind(' ') + 1);
}

/// Nobody would take one for the other, by name.
bool are_different(const SceneObject& a, const SceneObject& b) {
  return last_word(a) != last_word(b) && a.concept_name != b.concept_name &&
         a.name.noun.find(b.name.noun) == std::string::npos &&
         b.name.noun.find(a.name.noun) == std::string::npos;
}

Actor actor_of(const SceneObject& object) {
  const double longest = std::max(object.width, object.height);
  return {&object, {object.width / longest, object.height / longest}};
}

Placement placed(const Box& box, size_t object, int side) {
  const auto pixels = [&](double length) { return static_cast<int>(std::lround(length * side)); };
  Placement place{.object = object};
  place.width = std::clamp(pixels(box.width), 1, side);
  place.height = std::clamp(pixels(box.height), 1, side);
  place.x = std::clamp(pixels(box.x), 0, side - place.width);
  place.y = std::clamp(pixels(box.y), 0, side - place.height);
  return place;
}

bool contains_colour(const CaptionTemplate& words) {
  return std::ranges::any_of(words_of(words.before), names_colour) ||
         std::ranges::any_of(words_of(words.after), names_colour);
}

bool fits(const CaptionTemplate& words, const Scene& scene, bool coloured) {
  const bool tells_background =
      (words.before + words.after).find("background") != std::string::npos;
  if (tells_background && scene.backdrop.kind != Backdrop::Kind::white) return false;
  return !coloured || !contains_colour(words);
}

/// The main phrase in every template, the others in one of them, and the phrase alone.
std::vector<std::string> captions_of(const std::vector<std::string>& phrases,
                                     std::vector<CaptionTemplate> templates, Dice& dice) {
  std::rotate(templates.begin(),
              templates.begin() + static_cast<ptrdiff_t>(dice.below(templates.size())),
              templates.end());
  std::vector<std::string> captions;
  const auto add = [&](std::string caption) {
    if (std::ranges::find(captions, caption) == captions.end())
      captions.push_back(std::move(caption));
  };
  for (const CaptionTemplate& words : templates) add(words.with(phrases.front()));
  for (size_t i = 1; i < phrases.size(); ++i) add(templates[i % templates.size()].with(phrases[i]));
  add(phrases.front());
  return captions;
}

}  // namespace

Result<ScenePlanner> ScenePlanner::make(const ObjectPool& pool, const SynthesizeConfig& config) {
  ScenePlanner planner(pool, config);
  for (size_t kind = 0; kind < kSceneKinds; ++kind) {
    const SceneKind& how = scene_kinds()[kind];
    std::vector<size_t>& candidates = planner.candidates_[kind];
    for (const Style& style : pool.styles) {
      for (const size_t i : style.objects) {
        if (!how.can_show(pool.objects[i])) continue;
        const bool alone = std::ranges::none_of(style.objects, [&](size_t other) {
          return are_different(pool.objects[i], pool.objects[other]);
        });
        if (how.most_actors == 1 || !alone) candidates.push_back(i);
      }
    }
    if (!candidates.empty() || planner.weights_[kind] == 0) continue;
    return fail(ErrorCode::not_found, std::string("kinds: ") + how.name + ": none of the " +
                                          std::to_string(pool.objects.size()) +
                                          " objects can be shown so; give it weight 0");
  }
  return planner;
}

size_t ScenePlanner::draw_kind(Dice& dice) const {
  double sum = 0;
  for (const double weight : weights_) sum += weight;
  double place = dice.between(0, sum);
  size_t last = 0;
  for (size_t kind = 0; kind < kSceneKinds; ++kind) {
    if (weights_[kind] == 0) continue;
    last = kind;
    if (place < weights_[kind]) return kind;
    place -= weights_[kind];
  }
  return last;
}

size_t ScenePlanner::partner_of(size_t object, Dice& dice) const {
  const std::vector<size_t>& all = pool_->styles[pool_->objects[object].style].objects;
  const size_t start = dice.below(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t other = all[(start + i) % all.size()];
    if (are_different(pool_->objects[object], pool_->objects[other])) return other;
  }
  EF_CHECK(false, "a candidate has a partner");
  return object;
}

Scene ScenePlanner::scene(int64_t number) const {
  Dice dice(seed_, static_cast<uint64_t>(number));
  const size_t kind = draw_kind(dice);
  const SceneKind& how = scene_kinds()[kind];
  std::vector<size_t> objects = {candidates_[kind][dice.below(candidates_[kind].size())]};
  if (how.most_actors == 2) objects.push_back(partner_of(objects[0], dice));
  std::vector<Actor> actors;
  for (const size_t i : objects) actors.push_back(actor_of(pool_->objects[i]));
  const Arrangement made = how.arrange(actors, dice);

  Scene scene{.kind = how.name, .backdrop = made.backdrop, .placements = {}, .captions = {}};
  for (size_t i = 0; i < made.boxes.size(); ++i) {
    scene.placements.push_back(
        placed(made.boxes[i], objects[made.actors[i]], static_cast<int>(side_)));
    scene.placements.back().colour = made.colour;
  }
  std::vector<CaptionTemplate> templates;
  for (const CaptionTemplate& words : pool_->styles[pool_->objects[objects[0]].style].templates) {
    if (fits(words, scene, made.colour.has_value())) templates.push_back(words);
  }
  if (templates.empty()) templates.push_back({});
  scene.captions = captions_of(made.phrases, std::move(templates), dice);
  return scene;
}

}  // namespace edgefusion::data
