#include "diffusion/lcm.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgefusion::diffusion {
namespace {

using nlohmann::json;

std::vector<float> timesteps(int steps, std::optional<int> original = {}, double strength = 1.0) {
  SchedulerOptions options;
  options.steps = steps;
  options.original_steps = original;
  options.strength = strength;
  const auto made = make_scheduler("lcm", json::object(), options);
  EXPECT_TRUE(made);
  const auto span = (*made)->timesteps();
  return {span.begin(), span.end()};
}

TEST(Lcm, TimestepsAreThoseOfThePaper) {
  using Steps = std::vector<float>;
  EXPECT_EQ(timesteps(1), (Steps{999}));
  EXPECT_EQ(timesteps(2), (Steps{999, 499}));
  EXPECT_EQ(timesteps(3), (Steps{999, 679, 339}));
  EXPECT_EQ(timesteps(4), (Steps{999, 759, 499, 259}));
  EXPECT_EQ(timesteps(6), (Steps{999, 839, 679, 499, 339, 179}));
  EXPECT_EQ(timesteps(8), (Steps{999, 879, 759, 639, 499, 379, 259, 139}));
}

TEST(Lcm, StrengthSpreadsAllStepsOverTheLowerPart) {
  EXPECT_EQ(timesteps(4, {}, 0.5), (std::vector<float>{499, 379, 259, 139}));
  EXPECT_EQ(timesteps(2, 100, 0.5), (std::vector<float>{499, 249}));
}

TEST(Lcm, MoreStepsThanTheDistillationGridAreRefused) {
  SchedulerOptions options;
  options.steps = 51;
  auto made = make_scheduler("lcm", json::object(), options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), "steps: 51, but this LCM allows 50 (original_inference_steps)");
  options.steps = 26;
  options.strength = 0.5;
  made = make_scheduler("lcm", json::object(), options);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("25 at strength"), std::string::npos);
  options = {};
  options.steps = 4;
  for (const int original : {0, 1001}) {
    options.original_steps = original;
    EXPECT_FALSE(make_scheduler("lcm", json::object(), options));
  }
}

// Counts the values drawn, to show when noise is asked for.
class CountingNoise final : public NoiseGenerator {
 public:
  void randn(std::span<float> dst) override {
    drawn += dst.size();
    std::ranges::fill(dst, 1.0f);
  }
  size_t drawn = 0;
};

TEST(Lcm, DrawsNoNoiseForTheLastStep) {
  SchedulerOptions options;
  options.steps = 3;
  auto made = make_scheduler("lcm", json::object(), options);
  ASSERT_TRUE(made);
  CountingNoise noise;
  std::vector<float> latents(10, 0.5f), output(10, 0.1f);
  const size_t expected[] = {10, 20, 20};
  for (size_t i = 0; i < 3; ++i) {
    (*made)->step(output, i, latents, noise);
    EXPECT_EQ(noise.drawn, expected[i]);
  }
}

TEST(Lcm, TakingAStepOutOfTurnIsABug) {
  SchedulerOptions options;
  options.steps = 3;
  auto made = make_scheduler("lcm", json::object(), options);
  ASSERT_TRUE(made);
  CountingNoise noise;
  std::vector<float> latents(10), output(10);
  EXPECT_DEATH((*made)->step(output, 1, latents, noise), "in order");
}

}  // namespace
}  // namespace edgefusion::diffusion
