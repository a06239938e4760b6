#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/peak/peak_variants.h"

namespace edgefusion::kernels {

/// Sixteen chains: four units of latency four are always busy.
int64_t peak_bf16_neon(int64_t rounds) noexcept {
  constexpr int kChains = 16;
  constexpr int64_t kProducts = 16;  // of one BFMMLA
  const bfloat16x8_t tiny = vreinterpretq_bf16_u16(vdupq_n_u16(0x3a00));
  float32x4_t sum[kChains];
#pragma GCC unroll 16
  for (float32x4_t& s : sum) s = vdupq_n_f32(0.0f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (float32x4_t& s : sum) s = vbfmmlaq_f32(s, tiny, tiny);
    // Nothing is known of the sums after this line: the compiler may not count the rounds instead.
    asm volatile("" : "+w"(sum[0]));
  }
  float32x4_t all = sum[0];
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) all = vaddq_f32(all, sum[i]);
  const bool kept = vaddvq_f32(all) >= 0.0f;
  return kept ? rounds * kChains * kProducts : 0;
}

}  // namespace edgefusion::kernels

#endif
