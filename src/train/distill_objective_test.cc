#include "train/distill_objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "formats/safetensors.h"
#include "pipeline/model.h"
#include "train/checkpoint.h"
#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

class DistillTest : public TrainUnetTest {
 protected:
  /// A teacher with three stages of two pairs, trained for a step from scratch.
  fs::path teacher() {
    TrainConfig c = config("teacher", 1);
    c.unet = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));
    c.unet["layers_per_block"] = 2;
    c.unet["block_out_channels"] = {16, 24, 24};
    c.unet["down_block_types"] = {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"};
    c.unet["up_block_types"] = {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"};
    const Status status = run(c);
    EXPECT_TRUE(status) << status.error().message();
    return c.out / "checkpoint-00000001";
  }

  TrainConfig distillation(const fs::path& teacher, const json& changes) const {
    json text = {{"model", teacher.string()},
                 {"shards", {"a.tar"}},
                 {"resolution", 32},
                 {"batch", 3},
                 {"steps", 40},
                 {"learning_rate", 2e-3},
                 {"removal", "tiny"},
                 {"out", "student"},
                 {"log_every", 10}};
    text.update(changes);
    auto parsed = TrainConfig::parse(text, folder_ / "config.json", TrainTask::distill);
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }
};

TEST_F(DistillTest, AStudentBeginsAsTheTeachersBlocksAndComesNearer) {
  const fs::path from = teacher();
  const TrainConfig c = distillation(from, {{"task_weight", 0}});
  EXPECT_EQ(run_no_step(c).error().code(), ErrorCode::cancelled);
  const auto first =
      formats::SafetensorsFile::open(c.out / "checkpoint-00000000/training/parameters.safetensors");
  const auto theirs =
      formats::SafetensorsFile::open(from / "unet/diffusion_pytorch_model.safetensors");
  ASSERT_TRUE(first && theirs);
  for (const auto& [ours, inherited] :
       {std::pair{"up_blocks.0.resnets.1.conv1.weight", "up_blocks.1.resnets.2.conv1.weight"},
        std::pair{"conv_in.weight", "conv_in.weight"}}) {
    const Tensor a = to_f32(*first->find(ours)), b = to_f32(*theirs->find(inherited));
    EXPECT_TRUE(std::ranges::equal(a.values<float>(), b.values<float>())) << ours;
  }
  const Status status = run(c, true);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_LT(metrics_.back().loss, 0.7 * metrics_.front().loss);
  EXPECT_TRUE(pipeline::Model::open(*newest_checkpoint(c.out)));
}

TEST_F(DistillTest, TheLossIsTheWeightedSumOfItsTerms) {
  const fs::path from = teacher();
  const auto loss = [&](double task, double output, double feature) {
    const std::string out =
        "out" + std::to_string(task) + std::to_string(output) + std::to_string(feature);
    const Status status = run(distillation(from, {{"task_weight", task},
                                                  {"output_weight", output},
                                                  {"feature_weight", feature},
                                                  {"out", out},
                                                  {"steps", 1},
                                                  {"log_every", 1}}));
    EXPECT_TRUE(status) << status.error().message();
    return metrics_.back().loss;
  };
  const double task = loss(1, 0, 0), output = loss(0, 1, 0), feature = loss(0, 0, 1);
  EXPECT_GT(task, 0);
  EXPECT_GT(output, 0);
  EXPECT_GT(feature, 0);
  EXPECT_NEAR(loss(2, 3, 0.5), 2 * task + 3 * output + 0.5 * feature, 1e-5);
}

TEST_F(DistillTest, AListOfValuesLeavesAStudentThatLearns) {
  const fs::path from = teacher();
  const json values = {"down_blocks.1.resnets.1", "up_blocks.1.resnets.1", "mid_block"};
  const TrainConfig c = distillation(from, {{"removal", values}, {"steps", 4}});
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  const fs::path student = *newest_checkpoint(c.out);
  const json config = json::parse(std::ifstream(student / "unet/config.json"));
  EXPECT_EQ(config["layers_per_block"], json({2, 1, 2}));
  expect_paints(student);
}

TEST_F(DistillTest, ABlockThatDoesNotFitItsPlaceIsToldByItsTensor) {
  // The first pair of the second stage takes in 16 channels, the one that would stay 24.
  const json values = {"down_blocks.1.resnets.0", "up_blocks.1.resnets.1"};
  const Status status = run(distillation(teacher(), {{"removal", values}}));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("down_blocks.1.resnets.0"), std::string::npos)
      << status.error().message();
}

TEST_F(DistillTest, ATeacherThatIsTooSmallIsRefused) {
  TrainConfig c = distillation(kModel, json::object());
  const Status status = run(c);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("layers_per_block"), std::string::npos)
      << status.error().message();
}

}  // namespace
}  // namespace edgefusion::train
