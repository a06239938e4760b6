#pragma once

#include <array>
#include <vector>

#include "data/object_pool.h"
#include "data/scene.h"
#include "data/scene_kinds.h"
#include "data/synthesize_config.h"

namespace edgefusion::data {

/// Draws what the scenes show: the scene of a number is the same whenever it is asked for.
class ScenePlanner {
 public:
  /// The pool must outlive it. Errors: not_found (a kind with a weight that no object of the pool
  /// can be shown in).
  static Result<ScenePlanner> make(const ObjectPool& pool, const SynthesizeConfig& config);

  Scene scene(int64_t number) const;

 private:
  explicit ScenePlanner(const ObjectPool& pool, const SynthesizeConfig& config)
      : pool_(&pool), weights_(config.weights), side_(config.resolution), seed_(config.seed) {}
  size_t draw_kind(Dice& dice) const;
  /// Objects of the style that can stand beside this one, from a random one on: the first.
  size_t partner_of(size_t object, Dice& dice) const;

  const ObjectPool* pool_;
  std::array<double, kSceneKinds> weights_;
  int64_t side_;
  uint64_t seed_;
  std::array<std::vector<size_t>, kSceneKinds> candidates_;
};

}  // namespace edgefusion::data
