#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/exp_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/elementwise/erf-inl.h"
#include "kernels/elementwise/exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// Each takes one full vector's worth of the same value: lanes are independent by construction.
#define EF_LANE_FUNCTION(NAME, CALL)   \
  float NAME(float value) {            \
    namespace hn = hwy::HWY_NAMESPACE; \
    const hn::ScalableTag<float> d;    \
    const auto x = hn::Set(d, value);  \
    return hn::GetLane(CALL);          \
  }

EF_LANE_FUNCTION(lane_exp, exp(d, x))
EF_LANE_FUNCTION(lane_exp2_nonpositive, exp2_nonpositive(d, x))
EF_LANE_FUNCTION(lane_erf, erf(d, x))
EF_LANE_FUNCTION(lane_tanh, tanh(d, x))
EF_LANE_FUNCTION(lane_normal_cdf, normal_cdf(d, x))

#undef EF_LANE_FUNCTION

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

using LaneFunction = float (*)(float);

/// The compiled variants of a function that may run here.
std::vector<LaneFunction> usable(const HighwayVariants<LaneFunction>& variants) {
  std::vector<LaneFunction> functions;
  for (const auto& target : kHighwayTargets<LaneFunction>) {
    const LaneFunction function = variants.*target.variant;
    if (function != nullptr && allowed_isa().contains(target.needs)) functions.push_back(function);
  }
  return functions;
}

/// Largest error in ulps over an even grid.
template <class Exact>
double worst_ulps(LaneFunction function, double low, double high, Exact exact) {
  double worst = 0.0;
  constexpr int kSteps = 200003;
  for (int i = 0; i <= kSteps; ++i) {
    const auto x = static_cast<float>(low + (high - low) * i / kSteps);
    worst = std::max(worst, ulps(function(x), exact(static_cast<double>(x))));
  }
  return worst;
}

TEST(Exp, IsWithinTwoUlps) {
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_exp))) {
    EXPECT_LE(worst_ulps(function, -86.89, 88.72, [](double x) { return std::exp(x); }), 2.0);
    EXPECT_LE(worst_ulps(function, -1.0, 1.0, [](double x) { return std::exp(x); }), 2.0);
  }
}

TEST(Exp, FlushesToZeroBelowAndReachesInfinityAbove) {
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_exp))) {
    for (const float x : {-86.91f, -88.0f, -104.0f, -1000.0f, -1e30f, -3.4e38f, -kInfinity}) {
      EXPECT_EQ(function(x), 0.0f) << x;
    }
    for (const float x : {88.73f, 89.0f, 90.0f, 1000.0f, 3.4e38f, kInfinity}) {
      EXPECT_EQ(function(x), kInfinity) << x;
    }
    EXPECT_EQ(function(0.0f), 1.0f);
    EXPECT_EQ(function(-0.0f), 1.0f);
    EXPECT_TRUE(std::isnan(function(kNan)));
  }
}

TEST(Exp2Nonpositive, IsWithinTwoAndAHalfUlps) {
  const auto exact = [](double x) { return std::exp2(x); };
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_exp2_nonpositive))) {
    EXPECT_LE(worst_ulps(function, -126.0, 0.0, exact), 2.5);
    EXPECT_LE(worst_ulps(function, -2.0, 0.0, exact), 2.5);
  }
}

TEST(Exp2Nonpositive, IsExactAtZeroAndVanishesBelow) {
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_exp2_nonpositive))) {
    EXPECT_EQ(function(0.0f), 1.0f);
    for (const float x : {-127.0f, -128.0f, -1e4f, -3.4e38f, -kInfinity}) {
      EXPECT_EQ(function(x), 0.0f) << x;
      EXPECT_FALSE(std::signbit(function(x))) << x;
    }
    EXPECT_TRUE(std::isnan(function(kNan)));
  }
}

TEST(Erf, IsWithinFourUlps) {
  const auto exact = [](double x) { return std::erf(x); };
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_erf))) {
    EXPECT_LE(worst_ulps(function, -6.0, 6.0, exact), 4.0);
    EXPECT_LE(worst_ulps(function, 1e-6, 1e-2, exact), 4.0);
    EXPECT_EQ(function(kInfinity), 1.0f);
    EXPECT_EQ(function(-kInfinity), -1.0f);
    EXPECT_EQ(function(0.0f), 0.0f);
    EXPECT_TRUE(std::isnan(function(kNan)));
  }
}

TEST(Tanh, IsWithinFourUlps) {
  const auto exact = [](double x) { return std::tanh(x); };
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_tanh))) {
    EXPECT_LE(worst_ulps(function, -10.0, 10.0, exact), 4.0);
    EXPECT_LE(worst_ulps(function, 1e-6, 1e-2, exact), 4.0);
    EXPECT_EQ(function(kInfinity), 1.0f);
    EXPECT_EQ(function(-kInfinity), -1.0f);
    EXPECT_EQ(function(0.0f), 0.0f);
    EXPECT_TRUE(std::isnan(function(kNan)));
  }
}

TEST(NormalCdf, KeepsItsRelativeAccuracyInTheLowerTail) {
  const auto exact = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  // 1e-6 is between 8.4 and 16.8 units of the last place.
  for (const auto function : usable(EF_HIGHWAY_VARIANTS(LaneFunction, lane_normal_cdf))) {
    EXPECT_LE(worst_ulps(function, -13.0, 6.0, exact), 8.4);
    EXPECT_EQ(function(-14.0f), 0.0f);
    EXPECT_EQ(function(-kInfinity), 0.0f);
    EXPECT_EQ(function(kInfinity), 1.0f);
    EXPECT_TRUE(std::isnan(function(kNan)));
  }
}

}  // namespace
}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
