#include "train/lcm_objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "core/runtime.h"
#include "formats/safetensors.h"
#include "pipeline/text_to_image.h"
#include "train/checkpoint.h"
#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

class LcmTest : public TrainUnetTest {
 protected:
  TrainConfig consistency(const json& changes) const {
    json text = {{"model", kModel},  {"student", kModel}, {"shards", {"a.tar"}},
                 {"resolution", 32}, {"batch", 3},        {"steps", 30},
                 {"huber_c", 0},     {"out", "few"},      {"learning_rate", 3e-4},
                 {"log_every", 10}};
    text.update(changes);
    auto parsed = TrainConfig::parse(text, folder_ / "config.json", TrainTask::lcm);
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }
};

TEST_F(LcmTest, LeavesALatentConsistencyModelThatPaintsInTwoSteps) {
  const TrainConfig c = consistency(json::object());
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  // Losses of so few samples at random timesteps say nothing; that it learned from w does.
  const auto after =
      formats::SafetensorsFile::open(*newest_checkpoint(c.out) / "training/parameters.safetensors");
  ASSERT_TRUE(after);
  const Tensor projection = to_f32(*after->find("time_embedding.cond_proj.weight"));
  EXPECT_TRUE(std::ranges::any_of(projection.values<float>(), [](float x) { return x != 0; }));
  EXPECT_TRUE(std::isfinite(metrics_.back().loss));
  const auto model = pipeline::Model::open(*newest_checkpoint(c.out));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ((*model)->folder().pipeline_class, "LatentConsistencyModelPipeline");
  EXPECT_EQ((*model)->defaults().scheduler, "lcm");
  EXPECT_EQ((*model)->unet().time_cond_width, 256);
  expect_paints(*newest_checkpoint(c.out));
}

TEST_F(LcmTest, DefaultsOfTheTeacherBecomeThoseOfAFewStepModel) {
  const fs::path model = folder_ / "model";
  fs::copy(kModel, model, fs::copy_options::recursive);
  std::ofstream(model / "edgefusion.json")
      << R"({"default_steps": 25, "default_cfg_scale": 3, "default_size": [32, 32]})";
  const TrainConfig c = consistency({{"model", model.string()}, {"steps", 1}, {"guidance_max", 6}});
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  const auto few = pipeline::Model::open(*newest_checkpoint(c.out));
  ASSERT_TRUE(few) << few.error().message();
  EXPECT_EQ((*few)->defaults().steps, 2);
  EXPECT_EQ((*few)->defaults().guidance_scale, 4);
  EXPECT_EQ((*few)->defaults().width, 32);
}

TEST_F(LcmTest, AStudentBeginsAsItWasWithZerosForTheGuidanceScale) {
  const TrainConfig c = consistency(json::object());
  EXPECT_EQ(run_no_step(c).error().code(), ErrorCode::cancelled);
  const auto first =
      formats::SafetensorsFile::open(c.out / "checkpoint-00000000/training/parameters.safetensors");
  const auto before = formats::SafetensorsFile::open(std::string(kModel) +
                                                     "/unet/diffusion_pytorch_model.safetensors");
  ASSERT_TRUE(first && before);
  for (const std::string& name : first->names()) {
    const Tensor now = to_f32(*first->find(name));
    if (name == "time_embedding.cond_proj.weight") {
      EXPECT_TRUE(std::ranges::all_of(now.values<float>(), [](float x) { return x == 0; }));
      continue;
    }
    const Tensor then = to_f32(*before->find(name));
    EXPECT_TRUE(std::ranges::equal(now.values<float>(), then.values<float>())) << name;
  }
}

TEST_F(LcmTest, WithoutTheEmbeddingItStaysAPlainPipelineWithTheSchedule) {
  const TrainConfig c = consistency({{"w_embedding", false}, {"steps", 2}, {"huber_c", 0.001}});
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  const auto model = pipeline::Model::open(*newest_checkpoint(c.out));
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ((*model)->folder().pipeline_class, "StableDiffusionPipeline");
  EXPECT_EQ((*model)->defaults().scheduler, "lcm");
}

TEST_F(LcmTest, AdaptersNeedNoEmbeddingOfTheGuidanceScale) {
  const Status status = run(consistency({{"lora_rank", 2}, {"steps", 2}, {"guidance_min", 7.5}}));
  ASSERT_TRUE(status) << status.error().message();
  const fs::path checkpoint = *newest_checkpoint(folder_ / "few");
  EXPECT_TRUE(fs::exists(checkpoint / "pytorch_lora_weights.safetensors"));
  const auto model = pipeline::Model::open(checkpoint);
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ((*model)->unet().time_cond_width, 0);
  const json both = {{"model", "m"}, {"student", "s"}, {"shards", {"a.tar"}},
                     {"out", "o"},   {"lora_rank", 2}, {"w_embedding", true}};
  const auto refused = TrainConfig::parse(both, "c.json", TrainTask::lcm);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("w_embedding"), std::string::npos);
}

TEST_F(LcmTest, AStudentThatDoesNotFitIsRefusedByTheTensor) {
  const fs::path student = folder_ / "student";
  fs::copy(std::string(kModel) + "/unet", student, fs::copy_options::recursive);
  json config = json::parse(std::ifstream(student / "config.json"));
  config["block_out_channels"] = {16, 32};
  std::ofstream(student / "config.json") << config;
  const Status status = run(consistency({{"student", student.string()}}));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("expected shape"), std::string::npos)
      << status.error().message();
}

}  // namespace
}  // namespace edgefusion::train
