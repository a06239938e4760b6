#include "diffusion/timesteps.h"

#include <gtest/gtest.h>

namespace edgefusion::diffusion {
namespace {

using Values = std::vector<double>;

TEST(Timesteps, LinspaceEndsExactlyAndOnePointIsTheStart) {
  EXPECT_EQ(linspace(0, 999, 1), (Values{0}));
  EXPECT_EQ(linspace(0, 999, 4), (Values{0, 333, 666, 999}));
  EXPECT_EQ(linspace(0, 1, 8).back(), 1.0);
}

TEST(Timesteps, ArangeLeavesOutTheStop) {
  EXPECT_EQ(arange(1000, 0, -250), (Values{1000, 750, 500, 250}));
  EXPECT_TRUE(arange(0, 0, -1).empty());
}

TEST(Timesteps, RoundingIsHalfToEven) {
  Values values = {0.5, 1.5, 2.5, 499.5};
  round_all(values);
  EXPECT_EQ(values, (Values{0, 2, 2, 500}));
}

TEST(Timesteps, SpacingsOfFourSteps) {
  EXPECT_EQ(spaced_timesteps(TimestepSpacing::leading, 4, 1000, 1), (Values{751, 501, 251, 1}));
  EXPECT_EQ(spaced_timesteps(TimestepSpacing::trailing, 4, 1000, 1), (Values{999, 749, 499, 249}));
  EXPECT_EQ(spaced_timesteps(TimestepSpacing::linspace, 4, 1000, 1), (Values{999, 666, 333, 0}));
  EXPECT_EQ(spaced_timesteps_dpm(TimestepSpacing::leading, 4, 1000, 1000, 1),
            (Values{801, 601, 401, 201}));
  EXPECT_EQ(spaced_timesteps_dpm(TimestepSpacing::linspace, 4, 1000, 1000, 1),
            (Values{999, 749, 500, 250}));
}

TEST(Timesteps, TrailingTrainingStepsAreOnePerStepAndNeverNegative) {
  int longer = 0;
  for (int steps = 1; steps <= 1000; ++steps) {
    const auto spacing = TimestepSpacing::trailing;
    const Values values = spaced_training_steps(spacing, steps, 1000, 0);
    EXPECT_EQ(values.size(), static_cast<size_t>(steps));
    EXPECT_GE(values.back(), 0.0);
    longer += spaced_timesteps(spacing, steps, 1000, 0).size() != values.size() ? 1 : 0;
  }
  EXPECT_GT(longer, 0);  // as numpy.arange does it
}

TEST(Timesteps, UnknownSpacingIsRefusedWithTheKnownOnes) {
  const auto spacing = parse_timestep_spacing("cubic");
  ASSERT_FALSE(spacing);
  EXPECT_NE(spacing.error().message().find("linspace, leading or trailing"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::diffusion
