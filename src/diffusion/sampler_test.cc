#include "diffusion/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgefusion::diffusion {
namespace {

std::unique_ptr<Scheduler> scheduler(std::string_view name, int steps) {
  SchedulerOptions options;
  options.steps = steps;
  auto made = make_scheduler(name, stable_diffusion_scheduler_json(), options);
  EXPECT_TRUE(made);
  return std::move(*made);
}

const Denoiser kHalf = [](std::span<const float> x, float, size_t, std::span<float> y) {
  std::ranges::transform(x, y.begin(), [](float value) { return value / 2; });
  return Status{};
};

TEST(Sampler, TellsTheNetworkTheTimestepsAndTheScaledSample) {
  auto walk = scheduler("euler", 3);
  std::vector<float> told;
  const Denoiser denoiser = [&](std::span<const float> x, float t, size_t step,
                                std::span<float> y) {
    if (step == 0) {
      EXPECT_NEAR(x[0], 1.0f, 0.01f);  // about 14.6 before it is scaled
    }
    told.push_back(t);
    std::ranges::fill(y, 0.0f);
    return Status{};
  };
  CpuGenerator noise(1);
  const std::vector<float> ones(8, 1.0f);
  Latents latents = initial_latents(*walk, ones);
  EXPECT_GT(latents[0], 10.0f);
  ASSERT_TRUE(sample(*walk, denoiser, latents, noise));
  EXPECT_TRUE(std::ranges::equal(told, walk->timesteps()));
}

TEST(Sampler, ReportsEveryStepAndTakesChangedLatents) {
  auto walk = scheduler("ddim", 4);
  CpuGenerator noise(1);
  std::vector<size_t> reported;
  SampleOptions options;
  options.after_step = [&](size_t done, size_t total, std::span<float> latents) {
    EXPECT_EQ(total, 4u);
    reported.push_back(done);
    if (done == total) std::ranges::fill(latents, 7.0f);
  };
  const auto result = sample(*walk, kHalf, Latents(6, 1.0f), noise, options);
  ASSERT_TRUE(result);
  EXPECT_EQ(reported, (std::vector<size_t>{1, 2, 3, 4}));
  EXPECT_EQ(*result, Latents(6, 7.0f));
}

TEST(Sampler, StopsBetweenStepsWhenCancelled) {
  auto walk = scheduler("lcm", 4);
  CpuGenerator noise(1);
  std::atomic<bool> cancel = false;
  SampleOptions options;
  options.cancel = &cancel;
  options.after_step = [&](size_t done, size_t, std::span<float>) { cancel = done == 2; };
  const auto result = sample(*walk, kHalf, Latents(20, 1.0f), noise, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::cancelled);
  EXPECT_EQ(result.error().message(), "cancelled after 2 of 4 steps");
}

TEST(Sampler, AnErrorOfTheNetworkEndsTheWalk) {
  auto walk = scheduler("lcm", 4);
  CpuGenerator noise(1);
  size_t calls = 0;
  const Denoiser denoiser = [&](std::span<const float>, float, size_t step,
                                std::span<float>) -> Status {
    ++calls;
    if (step == 1) return fail(ErrorCode::resource_exhausted, "no memory");
    return {};
  };
  const auto result = sample(*walk, denoiser, Latents(20, 1.0f), noise);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(calls, 2u);
}

}  // namespace
}  // namespace edgefusion::diffusion
