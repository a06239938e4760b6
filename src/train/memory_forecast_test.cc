#include "train/memory_forecast.h"

#include <gtest/gtest.h>

#include <fstream>

#include "train/diffusion_objective.h"
#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

class MemoryForecastTest : public TrainUnetTest {};

TEST_F(MemoryForecastTest, IsBelowWhatAStepWasSeenToNeedAndNotFarBelow) {
  TrainConfig c = config("out", 1);
  c.batch = 16;
  const json own = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));
  const auto model = *pipeline::Model::open(kModel);
  const int64_t side = c.resolution / 8;
  const auto graph = unet_graph(*model, {own, "unet"}, nullptr, {c.batch, side, side, 4});
  ASSERT_TRUE(graph) << graph.error().message();
  const auto plan = plan_training(c);
  ASSERT_TRUE(plan) << plan.error().message();
  const int64_t least = least_step_bytes(*graph, c, false);
  EXPECT_LE(least, plan->step.bytes);
  EXPECT_GE(6 * least, plan->step.bytes);
  EXPECT_LT(least_step_bytes(*graph, c, true), least);
  EXPECT_TRUE(check_memory(*graph, c, false, least));
  EXPECT_TRUE(check_memory(*graph, c, false, std::nullopt));
  const Status refused = check_memory(*graph, c, false, least - 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
  for (const char* way : {"batch", "activation_checkpointing"}) {
    EXPECT_NE(refused.error().message().find(way), std::string::npos) << refused.error().message();
  }
}

}  // namespace
}  // namespace edgefusion::train
