#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/cpu_features.h"
#include "core/dtype.h"
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

/// Activations in memory, as a row of a table for `dtype` (f32 or bf16) takes them; seen from
/// outside they are the f32 values that were stored.
class Stored {
 public:
  Stored() = default;
  Stored(DType dtype, const std::vector<float>& values)
      : dtype_(dtype), bytes_(values.size() * size_of(dtype)) {
    for (size_t i = 0; i < values.size(); ++i) set(i, values[i]);
  }
  Stored(DType dtype, size_t count, float value)
      : Stored(dtype, std::vector<float>(count, value)) {}

  void set(size_t i, float value) {
    if (dtype_ == DType::bf16) {
      const uint16_t bits = f32_to_bf16(value);
      std::memcpy(&bytes_[2 * i], &bits, 2);
    } else {
      std::memcpy(&bytes_[4 * i], &value, 4);
    }
  }
  float operator[](size_t i) const {
    if (dtype_ == DType::bf16) {
      uint16_t bits;
      std::memcpy(&bits, &bytes_[2 * i], 2);
      return bf16_to_f32(bits);
    }
    float value;
    std::memcpy(&value, &bytes_[4 * i], 4);
    return value;
  }
  size_t size() const { return bytes_.size() / size_of(dtype_); }
  void* at(size_t i) { return bytes_.data() + i * size_of(dtype_); }
  void* data() { return bytes_.data(); }
  const void* data() const { return bytes_.data(); }
  /// By bits.
  bool operator==(const Stored&) const = default;

 private:
  DType dtype_ = DType::f32;
  std::vector<std::byte> bytes_;
};

/// `value` as `dtype` holds it.
inline float stored(DType dtype, float value) {
  return dtype == DType::bf16 ? bf16_to_f32(f32_to_bf16(value)) : value;
}

/// Bound of what storing a result near `exact` rounds away, beyond the f32 arithmetic: bf16 has 8
/// significant bits, so half a place is at most 2^-8 of the value, and 2^-134 among subnormals. The
/// results that are rounded are off by an f32 error: hence the 1 %.
inline double storage_error(DType dtype, double exact) {
  return dtype == DType::bf16 ? 1.01 * std::abs(exact) * 0x1p-8 + 0x1p-134 : 0.0;
}

/// Distance of `got` from the exact value in units of the last f32 place of the exact one.
inline double ulps(float got, double exact) {
  const int exponent = std::max(std::ilogb(exact), -126);
  return std::abs(static_cast<double>(got) - exact) / std::ldexp(1.0, exponent - 23);
}

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace edgefusion::kernels
