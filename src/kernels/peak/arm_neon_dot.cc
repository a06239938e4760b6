#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/peak/peak_variants.h"

namespace edgefusion::kernels {

/// Sixteen chains: four units of latency four are always busy.
int64_t peak_u8_neon_dot(int64_t rounds) noexcept {
  constexpr int kChains = 16;
  constexpr int64_t kProducts = 16;  // of one SDOT
  const int8x16_t zeros = vdupq_n_s8(0);
  int32x4_t sum[kChains];
#pragma GCC unroll 16
  for (int32x4_t& s : sum) s = vdupq_n_s32(0);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int32x4_t& s : sum) s = vdotq_s32(s, zeros, zeros);
      // Nothing is known of the sums after this line: the compiler may not count the rounds
      // instead.
#pragma GCC unroll 16
    for (int32x4_t& s : sum) asm volatile("" : "+w"(s));
  }
  int32x4_t all = sum[0];
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) all = vaddq_s32(all, sum[i]);
  return vaddvq_s32(all) >= 0 ? rounds * kChains * kProducts : 0;
}

}  // namespace edgefusion::kernels

#endif
