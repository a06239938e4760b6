#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dice.h"
#include "data/layout.h"
#include "data/scene.h"

namespace edgefusion::data {

struct SceneObject;

inline constexpr size_t kSceneKinds = 7;

/// An object of a scene, of which only its picture's proportions, name and traits are of interest.
struct Actor {
  const SceneObject* object = nullptr;
  Extent extent;
};

/// What a kind makes of its objects: a box for each, and what that shows.
struct Arrangement {
  std::vector<Box> boxes;
  std::vector<size_t> actors;  ///< of each box
  Backdrop backdrop;
  std::optional<Rgb> colour;         ///< of all objects
  std::vector<std::string> phrases;  ///< the main one first; all are true
};

/// A way to make scenes.
struct SceneKind {
  const char* name;    ///< in configs, and in the samples' `kind`
  double weight;       ///< how often it comes, if the config does not say
  size_t most_actors;  ///< different objects that it can need
  /// Whether the object can be the first one.
  bool (*can_show)(const SceneObject& object);
  /// `actors` has most_actors objects, the first of which can be shown.
  Arrangement (*arrange)(std::span<const Actor> actors, Dice& dice);
};

/// The table of all, kSceneKinds long.
std::span<const SceneKind> scene_kinds();

}  // namespace edgefusion::data
