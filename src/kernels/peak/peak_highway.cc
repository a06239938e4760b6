#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/peak/peak_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/peak/peak_variants.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Ten chains: two FMA units of latency four or five are always busy, and sixteen registers
/// suffice.
int64_t peak_f32(int64_t rounds) noexcept {
#if EF_HIGHWAY_IS_FALLBACK
  (void)rounds;
  return 0;
#else
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 0.999f), y = hn::Set(d, 0.001f);
  auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0,
       a9 = a0;
  for (int64_t round = 0; round < rounds; ++round) {
    a0 = hn::MulAdd(a0, x, y);
    a1 = hn::MulAdd(a1, x, y);
    a2 = hn::MulAdd(a2, x, y);
    a3 = hn::MulAdd(a3, x, y);
    a4 = hn::MulAdd(a4, x, y);
    a5 = hn::MulAdd(a5, x, y);
    a6 = hn::MulAdd(a6, x, y);
    a7 = hn::MulAdd(a7, x, y);
    a8 = hn::MulAdd(a8, x, y);
    a9 = hn::MulAdd(a9, x, y);
  }
  const auto sum = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)),
                           hn::Add(hn::Add(hn::Add(a4, a5), hn::Add(a6, a7)), hn::Add(a8, a9)));
  // The sum is a small positive number; asking keeps the compiler from dropping the loop.
  const bool kept = hn::GetLane(sum) >= 0.0f;
  return kept ? rounds * 10 * static_cast<int64_t>(hn::Lanes(d)) : 0;
#endif
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<PeakFunction> peak_f32_variants() {
  return EF_HIGHWAY_VARIANTS(PeakFunction, peak_f32);
}

}  // namespace edgefusion::kernels
#endif
