#pragma once

#include "kernels/matrix/panel_product.h"

// Rows rewritten once for all panels as s16, for instruction sets whose products begin there:
// [row][depth]. Of internal linkage: files of several instruction sets include this.

namespace edgefusion::kernels {

template <typename Product>
static inline void widen_rows(const Product& product, void* prepared) {
  auto* to = static_cast<int16_t*>(prepared);
  for (int64_t r = 0; r < product.rows; ++r) {
    for (int s = 0; s < product.segment_count; ++s) {
      const auto* from = product.segments[s].rows[r] + product.segments[s].offset;
      for (int64_t k = 0; k < product.segments[s].length; ++k) to[k] = from[k];
      to += product.segments[s].length;
    }
  }
}

static inline size_t widened_bytes(int64_t rows, int64_t depth) {
  return static_cast<size_t>(rows * depth) * sizeof(int16_t);
}

}  // namespace edgefusion::kernels
