#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "train/average.h"
#include "train/learning_rate.h"
#include "train/sample_order.h"

namespace edgefusion::train {
namespace {

TEST(LearningRate, RisesOverTheWarmUpAndStaysOrFallsToZero) {
  RunConfig config;
  config.learning_rate = 0.1;
  config.warmup_steps = 4;
  config.steps = 104;
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 0), 0.025);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 3), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 90), 0.1);
  config.schedule = "cosine";
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 4), 0.1);
  EXPECT_NEAR(learning_rate_at(config, 54), 0.05, 1e-12);
  EXPECT_LT(learning_rate_at(config, 103), 1e-4);
}

TEST(Average, MovesByTheDecayAndBeginsFaster) {
  EXPECT_DOUBLE_EQ(average_decay_at(0.999, 0), 0.1);
  EXPECT_DOUBLE_EQ(average_decay_at(0.999, 1000000), 0.999);
  EXPECT_DOUBLE_EQ(average_decay_at(0.0, 50), 0.0);
}

TEST(Average, IsWhatTheRampAndThenTheDecayMakeOfEachStep) {
  Parameters parameters, first;
  parameters.add("w", at::full({2}, 10.0f));
  first.add("w", at::full({2}, 10.0f));
  Parameters average = first.frozen();
  // Decays 1/10, 2/11, 1/4 and, where the ramp would be at 4/13, the 1/4 that is asked for.
  const double expected[] = {0.1 * 10 + 0.9 * 1, 2.0 / 11 * 1.9 + 9.0 / 11 * 2,
                             21.8 / 11 / 4 + 0.75 * 3, (21.8 / 44 + 2.25) / 4 + 0.75 * 4};
  for (int64_t step = 0; step < 4; ++step) {
    parameters.at("w").detach().fill_(static_cast<double>(step + 1));
    update_average(average, parameters, average_decay_at(0.25, step));
    EXPECT_NEAR(average.at("w")[0].item<double>(), expected[step], 1e-6) << step;
    EXPECT_EQ(average.at("w")[1].item<float>(), average.at("w")[0].item<float>());
    EXPECT_EQ(parameters.at("w")[0].item<double>(), static_cast<double>(step + 1));
  }
  update_average(average, parameters, average_decay_at(0.0, 4));
  EXPECT_TRUE(at::equal(average.at("w"), parameters.at("w"))) << "0: the weights themselves";
}

TEST(SampleOrder, EveryPassReadsEverySampleOnceInAnotherOrder) {
  SampleOrder order(50, 7);
  const std::vector<int64_t> first = order.at(0, 50), second = order.at(50, 50);
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 50u);
  EXPECT_EQ(std::set<int64_t>(second.begin(), second.end()).size(), 50u);
  EXPECT_NE(first, second);
  EXPECT_NE(first, SampleOrder(50, 8).at(0, 50));
}

TEST(SampleOrder, APositionGivesTheSameSamplesHoweverItIsReached) {
  SampleOrder straight(7, 3);
  const std::vector<int64_t> all = straight.at(0, 40);
  for (int64_t position = 0; position < 38; ++position) {
    const std::vector<int64_t> two = SampleOrder(7, 3).at(position, 2);
    EXPECT_EQ(two[0], all[static_cast<size_t>(position)]);
    EXPECT_EQ(two[1], all[static_cast<size_t>(position) + 1]);
  }
}

TEST(MixedSeed, DiffersByEachOfItsParts) {
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (const Purpose purpose :
         {Purpose::first_weights, Purpose::noise, Purpose::choice, Purpose::order}) {
      for (uint64_t step = 0; step < 25; ++step) seeds.insert(mixed_seed(seed, purpose, step));
    }
  }
  EXPECT_EQ(seeds.size(), 1000u);
}

}  // namespace
}  // namespace edgefusion::train
