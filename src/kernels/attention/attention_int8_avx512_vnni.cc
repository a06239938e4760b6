// Attention on 8-bit numbers with VPDPBUSD, which adds four products of an u8 and an s8 to each of
// 16 sums.

#if defined(__x86_64__)

#include "kernels/attention/attention_int8_avx512-inl.h"

namespace edgefusion::kernels {

AttentionFunctions attention_int8_64_avx512_vnni() {
  using Kernel = Stream<Int8Rows<Int8Lanes<Avx512Vnni>>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__x86_64__)
