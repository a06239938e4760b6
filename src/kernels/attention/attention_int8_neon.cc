// Attention on 8-bit numbers for any 64-bit Arm.

#if defined(__aarch64__)

#include "kernels/attention/attention_int8_neon-inl.h"

namespace edgefusion::kernels {

AttentionFunctions attention_int8_64_neon() {
  using Kernel = Stream<Int8Rows<Int8Lanes<Neon>>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__aarch64__)
