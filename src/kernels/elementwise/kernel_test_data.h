#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/cpu_features.h"
#include "core/env.h"

// What the tests of the vector families share.

namespace edgefusion::kernels {

/// This CPU's features, capped by EDGEFUSION_ISA.
inline IsaSet allowed_isa() {
  const auto cap = read_environment().isa;
  return cap ? cap_isa(detect_isa(), *cap).value() : detect_isa();
}

/// The rows of a table that may run here, the scalar reference among them.
template <class Row>
std::vector<Row> usable_rows(std::span<const Row> table) {
  std::vector<Row> usable;
  for (const Row& row : table) {
    if (allowed_isa().contains(row.needs)) usable.push_back(row);
  }
  return usable;
}

/// Counts around the vector sizes 4, 8, 16 and their multiples.
inline const std::vector<size_t>& edge_sizes() {
  static const std::vector<size_t> sizes = {0,  1,  2,  3,  4,  5,  7,  8,  9,  15,
                                            16, 17, 31, 32, 33, 63, 64, 65, 130};
  return sizes;
}

inline std::vector<float> random_floats(size_t count, unsigned seed, float mean = 0.0f,
                                        float deviation = 1.0f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(engine);
  return values;
}

/// Distance of `got` from the exact value in units of the last f32 place of the exact one.
inline double ulps(float got, double exact) {
  const int exponent = std::max(std::ilogb(exact), -126);
  return std::abs(static_cast<double>(got) - exact) / std::ldexp(1.0, exponent - 23);
}

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace edgefusion::kernels
