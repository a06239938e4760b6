#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/peak/read_rate_highway.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/peak/read_rate.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Four loads in flight that do not wait for each other's sums.
uint64_t read_words(const uint64_t* src, int64_t words) noexcept {
#if EF_HIGHWAY_IS_FALLBACK
  (void)src;
  (void)words;
  return 0;
#else
  const hn::ScalableTag<uint64_t> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (int64_t i = 0; i < words; i += 4 * lanes) {
    a = hn::Xor(a, hn::Load(d, src + i));
    b = hn::Xor(b, hn::Load(d, src + i + lanes));
    c = hn::Xor(c, hn::Load(d, src + i + 2 * lanes));
    e = hn::Xor(e, hn::Load(d, src + i + 3 * lanes));
  }
  HWY_ALIGN uint64_t last[HWY_MAX_BYTES / sizeof(uint64_t)];
  hn::Store(hn::Xor(hn::Xor(a, b), hn::Xor(c, e)), d, last);
  uint64_t all = 0;
  for (int64_t i = 0; i < lanes; ++i) all ^= last[i];
  return all;
#endif
}

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace edgefusion::kernels {

HighwayVariants<ReadFunction> read_variants() {
  return EF_HIGHWAY_VARIANTS(ReadFunction, read_words);
}

}  // namespace edgefusion::kernels
#endif
