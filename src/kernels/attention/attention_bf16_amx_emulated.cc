// Part of the tests only: the kernel of attention_bf16_amx.cc on emulated tiles, and the parts of
// the kernels that have tests of their own.

#if defined(__x86_64__)

#include "kernels/amx/amx_emulated.h"
#include "kernels/attention/attention_bf16_amx-inl.h"

namespace edgefusion::kernels {

AttentionFunctions attention_bf16_64_amx_emulated() {
  using Kernel = Stream<Bf16Rows<AmxBf16<EmulatedTiles>>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

void exponentials_of_bf16_attention(const float* x, float* for_weights, float* for_sums) {
  const __m512 v = _mm512_loadu_ps(x);
  _mm512_storeu_ps(for_weights, exp2_for_bf16(v));
  _mm512_storeu_ps(for_sums, exp2_for_sums(v));
}

}  // namespace edgefusion::kernels

#endif  // defined(__x86_64__)
