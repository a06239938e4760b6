#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/split_mix.h"

namespace edgefusion::quant {

/// Random numbers of tests, the same on every machine.
class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : state_(seed) {}

  double uniform() { return static_cast<double>(split_mix(state_) >> 11) * 0x1p-53; }  ///< [0, 1)
  int64_t below(int64_t end) {
    return static_cast<int64_t>(split_mix(state_) % static_cast<uint64_t>(end));
  }
  /// Of mean 0 and deviation 1.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * 3.14159265358979323846 * uniform());
  }
  std::vector<float> normals(size_t count, double deviation = 1) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(deviation * normal());
    return values;
  }

 private:
  uint64_t state_;
};

}  // namespace edgefusion::quant
