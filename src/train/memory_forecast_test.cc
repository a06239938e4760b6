#include "train/memory_forecast.h"

#include <gtest/gtest.h>

#include <fstream>

#include "models/bert_text.h"
#include "models/image_tower.h"
#include "train/diffusion_objective.h"
#include "train/patch_critic.h"
#include "train/testing/text_model.h"
#include "train/testing/train_case.h"
#include "train/text_teacher.h"
#include "train/tiny_autoencoder.h"
#include "train/train_autoencoder.h"
#include "train/train_image_text.h"
#include "train/train_text.h"

namespace edgefusion::train {
namespace {

class MemoryForecastTest : public TrainUnetTest {
 protected:
  template <typename Config>
  Config parsed(json text) const {
    text["out"] = "out";
    auto config = Config::parse(text, folder_ / "config.json");
    EXPECT_TRUE(config) << config.error().message();
    return *config;
  }

  /// What a step was seen to need, and what is forecast.
  static void expect_near(int64_t bytes, int64_t least) {
    EXPECT_LE(least, bytes);
    EXPECT_GE(6 * least, bytes);
  }
};

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
  expect_near(plan->step.bytes, least);
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

TEST_F(MemoryForecastTest, IsNearForAnAutoencoderWithItsCritic) {
  const auto c = parsed<AutoencoderConfig>({{"shards", {"a.tar"}},
                                            {"resolution", 32},
                                            {"crop", 32},
                                            {"batch", 8},
                                            {"adversarial_weight", 1}});
  const auto network = TinyAutoencoder::make(c.network, "network", c.batch, c.crop);
  ASSERT_TRUE(network) << network.error().message();
  int64_t least = least_step_bytes(*build_patch_critic(c.batch, c.crop), c, false);
  for (const graph::Graph* half : network->halves()) least += least_step_bytes(*half, c, false);
  const auto plan = plan_autoencoder(c);
  ASSERT_TRUE(plan) << plan.error().message();
  expect_near(plan->step.bytes, least);
}

TEST_F(MemoryForecastTest, IsNearForATextEncoder) {
  write_text_model(folder_ / "text");
  std::ofstream(folder_ / "lines.txt") << "a red square\n";
  const auto c = parsed<TextConfig>({{"teacher", "text"},
                                     {"texts", {"lines.txt"}},
                                     {"layers", 3},
                                     {"vocabulary_size", 300},
                                     {"batch", 64}});
  const auto teacher = open_text_teacher(folder_ / "text");
  ASSERT_TRUE(teacher) << teacher.error().message();
  const auto graph = models::build_bert_text(
      teacher->bert, {.batch = c.batch, .tokens = c.max_tokens}, nullptr);  // the student, too
  ASSERT_TRUE(graph) << graph.error().message();
  const auto plan = plan_text(c);
  ASSERT_TRUE(plan) << plan.error().message();
  expect_near(plan->step.bytes, least_step_bytes(*graph, c, false));
}

TEST_F(MemoryForecastTest, IsNearForAnImageTower) {
  write_text_model(folder_ / "text");
  const auto c = parsed<ImageTextConfig>({{"text_model", "text"},
                                          {"shards", {"a.tar"}},
                                          {"batch", 16},
                                          {"network", {{"image_size", 32}}}});
  const auto tower = models::parse_image_tower_config(c.network, "network");
  ASSERT_TRUE(tower) << tower.error().message();
  const auto graph = models::build_image_tower(*tower, c.batch, nullptr);
  ASSERT_TRUE(graph) << graph.error().message();
  const auto plan = plan_image_text(c);
  ASSERT_TRUE(plan) << plan.error().message();
  expect_near(plan->step.bytes, least_step_bytes(*graph, c, false));
}

}  // namespace
}  // namespace edgefusion::train
