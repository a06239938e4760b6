#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/peak/peak_variants.h"

namespace edgefusion::kernels {

/// Twelve chains: two units of latency five or six are always busy.
int64_t peak_bf16_avx512(int64_t rounds) noexcept {
  constexpr int kChains = 12;
  constexpr int64_t kProducts = 32;  // of one VDPBF16PS
  const auto one = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f80));
  const auto tiny = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3a00));
  __m512 sum[kChains];
#pragma GCC unroll 12
  for (__m512& s : sum) s = _mm512_setzero_ps();
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (__m512& s : sum) s = _mm512_dpbf16_ps(s, one, tiny);
    // Nothing is known of the sums after this line: the compiler may not count the rounds instead.
    asm volatile("" : "+v"(sum[0]));
  }
  __m512 all = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) all = _mm512_add_ps(all, sum[i]);
  const bool kept = _mm512_reduce_add_ps(all) >= 0.0f;
  return kept ? rounds * kChains * kProducts : 0;
}

}  // namespace edgefusion::kernels

#endif
