#include "kernels/peak/read_rate.h"

namespace edgefusion::kernels {

uint64_t read_scalar(const uint64_t* src, int64_t words) noexcept {
  uint64_t all = 0;
  for (int64_t i = 0; i < words; ++i) all ^= src[i];
  return all;
}

ReadFunction select_read(IsaSet isa) {
  const ReadFunction best = read_variants().best(isa);
  return best == nullptr ? read_scalar : best;
}

}  // namespace edgefusion::kernels
