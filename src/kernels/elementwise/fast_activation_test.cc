#include "kernels/highway_dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/fast_activation_test.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/elementwise/fast_activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace edgefusion::kernels::HWY_NAMESPACE {

/// The result in f32, before it is stored as bf16.
template <Activation kKind>
float lane(float value) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  return hn::GetLane(FastActivate<kKind>()(d, hn::Set(d, value)));
}

float lane_silu(float x) { return lane<Activation::silu>(x); }
float lane_gelu(float x) { return lane<Activation::gelu>(x); }
float lane_gelu_tanh(float x) { return lane<Activation::gelu_tanh>(x); }
float lane_quick_gelu(float x) { return lane<Activation::quick_gelu>(x); }

}  // namespace edgefusion::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include "kernels/elementwise/kernel_test_data.h"

namespace edgefusion::kernels {
namespace {

using LaneFunction = float (*)(float);
using Exact = double (*)(double);

/// What is allowed: `relative` of the result or, where it is larger, `absolute` + `share` of x.
struct Allowed {
  double relative;
  double absolute;
  double share;
};

/// The least a sigmoid gets, 2^-126 and its error.
constexpr double kSmallest = 1.0001 * 0x1p-126;

/// The largest error over what is allowed.
double worst(LaneFunction function, Exact exact, const Allowed& allowed) {
  double largest = 0.0;
  constexpr int kSteps = 400003;
  for (int i = 0; i <= kSteps; ++i) {
    const auto x = static_cast<float>(200.0 * i / kSteps - 100.0);
    const double y = exact(static_cast<double>(x));
    const double bound =
        std::max(allowed.relative * std::abs(y),
                 allowed.absolute + allowed.share * std::abs(static_cast<double>(x)));
    largest = std::max(largest, std::abs(static_cast<double>(function(x)) - y) / bound);
  }
  return largest;
}

void expect_within(const HighwayVariants<LaneFunction>& variants, Exact exact,
                   const Allowed& allowed) {
  for (const auto& target : kHighwayTargets<LaneFunction>) {
    const LaneFunction function = variants.*target.variant;
    if (function == nullptr || !allowed_isa().contains(target.needs)) continue;
    EXPECT_LE(worst(function, exact, allowed), 1.0) << target.name;
    EXPECT_EQ(function(0.0f), 0.0f) << target.name;
    EXPECT_EQ(function(kInfinity), kInfinity) << target.name;
    EXPECT_EQ(function(3e38f), 3e38f) << target.name;
    EXPECT_NEAR(function(-1e30f), 0.0f, 4e-8 * 1e30) << target.name;
    EXPECT_TRUE(std::isnan(function(kNan))) << target.name;
  }
}

double times_sigmoid(double x, double z) { return x / (1.0 + std::exp(-z)); }

TEST(FastActivation, SiluIsWithinItsBound) {
  expect_within(EF_HIGHWAY_VARIANTS(LaneFunction, lane_silu),
                [](double x) { return times_sigmoid(x, x); }, {1e-4, 0.0, kSmallest});
}

TEST(FastActivation, QuickGeluIsWithinItsBound) {
  expect_within(EF_HIGHWAY_VARIANTS(LaneFunction, lane_quick_gelu),
                [](double x) { return times_sigmoid(x, 1.702 * x); }, {1e-4, 0.0, kSmallest});
}

TEST(FastActivation, GeluTanhIsWithinItsBound) {
  expect_within(EF_HIGHWAY_VARIANTS(LaneFunction, lane_gelu_tanh),
                [](double x) {
                  const double z = 0.7978845608028654 * (x + 0.044715 * x * x * x);
                  return times_sigmoid(x, 2.0 * z);
                },
                {2e-4, 0.0, kSmallest});
}

TEST(FastActivation, GeluIsWithinItsBound) {
  expect_within(EF_HIGHWAY_VARIANTS(LaneFunction, lane_gelu),
                [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); },
                {2e-4, 4e-7, 4e-8});
}

}  // namespace
}  // namespace edgefusion::kernels
#endif  // HWY_ONCE
