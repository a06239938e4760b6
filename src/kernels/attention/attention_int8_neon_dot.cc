// Attention on 8-bit numbers with SDOT, which adds four products of s8 to each of four sums.

#if defined(__aarch64__)

#include "kernels/attention/attention_int8_neon-inl.h"

namespace edgefusion::kernels {

AttentionFunctions attention_int8_64_neon_dot() {
  using Kernel = Stream<Int8Rows<Int8Lanes<Neon>>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__aarch64__)
