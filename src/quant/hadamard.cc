#include "quant/hadamard.h"

#include <bit>
#include <cmath>

#include "core/result.h"

namespace edgefusion::quant {
namespace {

/// Sums and differences of values 1, 2, 4, ... apart, scaled once at the end.
void transform(std::span<float> values, float scale) {
  for (size_t distance = 1; distance < values.size(); distance *= 2) {
    for (size_t begin = 0; begin < values.size(); begin += 2 * distance) {
      for (size_t i = begin; i < begin + distance; ++i) {
        const float a = values[i], b = values[i + distance];
        values[i] = a + b;
        values[i + distance] = a - b;
      }
    }
  }
  for (float& value : values) value *= scale;
}

}  // namespace

void apply_hadamard(std::span<float> rows, int64_t depth, int64_t block) {
  if (block <= 1) return;
  const auto size = static_cast<size_t>(block);
  EF_CHECK(std::has_single_bit(size) && depth > 0 && depth % block == 0,
           "a power of two that divides the depth");
  EF_CHECK(rows.size() % static_cast<size_t>(depth) == 0, "whole rows");
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(block)));
  for (size_t begin = 0; begin < rows.size(); begin += size) {
    transform(rows.subspan(begin, size), scale);
  }
}

}  // namespace edgefusion::quant
