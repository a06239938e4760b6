#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/peak/peak_variants.h"

namespace edgefusion::kernels {

/// Twelve chains: two units of latency four or five are always busy.
int64_t peak_u8_avx512_vnni(int64_t rounds) noexcept {
  constexpr int kChains = 12;
  constexpr int64_t kProducts = 64;  // of one VPDPBUSD
  const __m512i zeros = _mm512_setzero_si512();
  __m512i sum[kChains];
#pragma GCC unroll 12
  for (__m512i& s : sum) s = zeros;
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (__m512i& s : sum) s = _mm512_dpbusd_epi32(s, zeros, zeros);
      // Nothing is known of the sums after this line: the compiler may not count the rounds
      // instead.
#pragma GCC unroll 12
    for (__m512i& s : sum) asm volatile("" : "+v"(s));
  }
  __m512i all = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) all = _mm512_add_epi32(all, sum[i]);
  const bool kept = _mm512_reduce_add_epi32(all) >= 0;
  return kept ? rounds * kChains * kProducts : 0;
}

}  // namespace edgefusion::kernels

#endif
