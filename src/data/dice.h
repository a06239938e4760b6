#pragma once

#include <cstddef>
#include <cstdint>

#include "core/split_mix.h"

namespace edgefusion::data {

/// Random numbers of one scene: the same wherever it is made, unlike those of the standard library.
class Dice {
 public:
  Dice(uint64_t seed, uint64_t scene) : state_(seed) {
    state_ = split_mix(state_) ^ scene;
    split_mix(state_);
  }

  /// Even in [low, high).
  double between(double low, double high) {
    return low + static_cast<double>(split_mix(state_) >> 11) * 0x1p-53 * (high - low);
  }
  /// Even in [0, count), count at least 1.
  size_t below(size_t count) { return static_cast<size_t>(split_mix(state_) % count); }

 private:
  uint64_t state_;
};

}  // namespace edgefusion::data
