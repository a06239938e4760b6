#include "core/hadamard.h"

#include <cmath>

#include "core/result.h"

namespace edgefusion {

void rotate_blocks(std::span<float> values, int block) {
  const auto size = static_cast<size_t>(block);
  EF_CHECK(size > 0 && (size & (size - 1)) == 0 && values.size() % size == 0,
           "blocks of " + std::to_string(block) + " in " + std::to_string(values.size()));
  const float scale = 1.0f / std::sqrt(static_cast<float>(block));
  for (size_t start = 0; start < values.size(); start += size) {
    float* x = values.data() + start;
    for (size_t step = 1; step < size; step *= 2) {
      for (size_t i = 0; i < size; ++i) {
        if ((i & step) != 0) continue;
        const float a = x[i], b = x[i + step];
        x[i] = a + b;
        x[i + step] = a - b;
      }
    }
    for (size_t i = 0; i < size; ++i) x[i] *= scale;
  }
}

}  // namespace edgefusion
