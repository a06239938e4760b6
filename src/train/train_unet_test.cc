#include "train/train_unet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "core/runtime.h"
#include "formats/png.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "pipeline/text_to_image.h"
#include "train/checkpoint.h"
#include "train/tensors.h"
#include "train/testing/train_case.h"

namespace edgefusion::train {
namespace {

TEST_F(TrainUnetTest, LearnsAFewPicturesAndLeavesAModelThatPaints) {
  TrainConfig c = config("out", 60);
  c.unet = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));  // from scratch
  c.caption_dropout = 0;
  c.sheet = {.prompts = {"a red square", "a blue square"}, .steps = 2, .guidance_scale = 1};
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  ASSERT_EQ(metrics_.size(), 12u);
  EXPECT_LT(metrics_.back().loss, 0.8 * metrics_.front().loss);
  // Two samples could not be used, each is named.
  EXPECT_EQ(said_.size(), 3u);
  EXPECT_NE(said_[0].find("2.png"), std::string::npos) << said_[0];
  EXPECT_NE(said_[1].find("4: no picture"), std::string::npos) << said_[1];

  const auto sheet = formats::read_png(c.out / "sheets" / "00000060.png");
  ASSERT_TRUE(sheet) << sheet.error().message();
  EXPECT_GT(sheet->image.width, 2 * 32);
  EXPECT_TRUE(formats::read_png(c.out / "loss.png"));
  const auto checkpoint = newest_checkpoint(c.out);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->filename(), "checkpoint-00000060");
  expect_paints(*checkpoint);
}

TEST_F(TrainUnetTest, ARunTakenUpAgainEqualsOneThatDidNotStop) {
  const TrainConfig straight = config("straight", 8);
  ASSERT_TRUE(run(straight));
  ASSERT_TRUE(run(config("halves", 4)));
  const TrainConfig rest = config("halves", 8);
  const Status resumed = run(rest, true);
  ASSERT_TRUE(resumed) << resumed.error().message();
  for (const char* file :
       {"unet/diffusion_pytorch_model.safetensors", "training/parameters.safetensors",
        "training/average.safetensors", "training/optimizer.safetensors", "training/state.json"}) {
    EXPECT_EQ(content(straight.out / "checkpoint-00000008" / file),
              content(rest.out / "checkpoint-00000008" / file))
        << file;
  }
}

TEST_F(TrainUnetTest, ARunTakenUpWithOtherFieldsSaysSo) {
  TrainConfig c = config("out", 2);
  c.written = {{"batch", 2}, {"steps", 2}};
  ASSERT_TRUE(run(c));
  c.steps = 4;
  c.written = {{"batch", 2}, {"steps", 4}};
  said_.clear();
  ASSERT_TRUE(run(c, true));
  EXPECT_TRUE(said_.empty()) << said_.front();
  c.steps = 6;
  c.written = {{"batch", 4}, {"steps", 6}};
  ASSERT_TRUE(run(c, true));
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find("batch: 4, 2 before"), std::string::npos) << said_[0];
  c.optimizer = "muon";
  const Status other = run(c, true);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message().find("\"adamw\""), std::string::npos);
}

TEST_F(TrainUnetTest, PixelsThatDoNotFillLatentsAreRefusedBeforeAnythingIsRead) {
  TrainConfig c = config("out", 1);
  c.resolution = 36;
  const Status status = run(c);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("multiple of 8"), std::string::npos);
  EXPECT_FALSE(fs::exists(c.out));
}

TEST_F(TrainUnetTest, ACancelledRunLeavesACheckpointAtItsStep) {
  const TrainConfig c = config("out", 8);
  const Status status = run_no_step(c);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::cancelled);
  ASSERT_TRUE(newest_checkpoint(c.out));
  EXPECT_EQ(newest_checkpoint(c.out)->filename(), "checkpoint-00000000");
}

TEST_F(TrainUnetTest, ARunThatIsCancelledWhileItReadsLeavesNothingHalf) {
  cancel_ = true;
  const TrainConfig c = config("out", 8);
  EXPECT_EQ(run(c).error().code(), ErrorCode::cancelled);
  EXPECT_TRUE(fs::is_empty(c.out));
}

TEST_F(TrainUnetTest, AnotherEncoderOrShardOfTheSameNameIsSeen) {
  const TrainConfig c = config("out", 1);
  ASSERT_TRUE(run(c));
  const double loss = metrics_.back().loss;
  const auto again = [&] {
    fs::remove_all(*newest_checkpoint(c.out));
    EXPECT_TRUE(run(c));
    return metrics_.back().loss;
  };
  EXPECT_EQ(again(), loss);
  shards::write_shard(c.shards[0], {{"0.png", picture(90, 20, 20)},
                                    {"0.txt", "a red square"},
                                    {"1.png", picture(20, 90, 20)},
                                    {"1.txt", "a green square"},
                                    {"2.png", picture(20, 20, 90)},
                                    {"2.txt", "a blue square"}});
  EXPECT_NE(again(), loss);
}

TEST_F(TrainUnetTest, RunsOfOneCacheEncodeTheirPicturesOnce) {
  TrainConfig c = config("one", 1);
  EXPECT_EQ(c.cache, c.out);
  c.cache = folder_ / "cache";
  const auto read_shards = [&] {  // whose broken picture is told
    return std::ranges::any_of(
        said_, [](const auto& line) { return line.find("2.png") != std::string::npos; });
  };
  ASSERT_TRUE(run(c));
  EXPECT_TRUE(read_shards());
  c.out = folder_ / "other";
  ASSERT_TRUE(run(c));
  EXPECT_FALSE(read_shards());
}

TEST_F(TrainUnetTest, OnlySamplesThatAreAskedForAreUsed) {
  TrainConfig c = config("out", 1);
  c.where = {{"style", {"noto"}}};
  shards::write_shard(c.shards[0], {{"0.png", picture(90, 20, 20)},
                                    {"0.txt", "a red square"},
                                    {"0.json", R"({"style": "blob"})"},
                                    {"1.png", picture(20, 90, 20)},
                                    {"1.txt", "a green square"},
                                    {"1.json", R"({"style": "noto"})"}});
  const Status one = run(c);
  ASSERT_TRUE(one) << one.error().message();
  EXPECT_TRUE(said_.empty()) << said_.front();
  for (const auto& entry : fs::directory_iterator(c.out)) {
    if (!fs::exists(entry.path() / "captions.json")) continue;
    EXPECT_EQ(content(entry.path() / "captions.json"), R"([["a green square"]])");
  }
  c.where = {{"style", {"other"}}};
  c.out = folder_ / "none";
  const Status none = run(c);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("where"), std::string::npos) << none.error().message();
}

TEST_F(TrainUnetTest, AUnetThatDoesNotFitItsPipelineIsToldByItsField) {
  const json own = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));
  for (const auto& [key, value] : {std::pair<const char*, json>{"in_channels", 8},
                                   {"out_channels", 8},
                                   {"cross_attention_dim", 48},
                                   {"time_cond_proj_dim", 256}}) {
    TrainConfig c = config("out", 1);
    c.unet = own;
    c.unet[key] = value;
    const Status status = run(c);
    ASSERT_FALSE(status) << key;
    EXPECT_EQ(status.error().code(), ErrorCode::unsupported);
    EXPECT_NE(status.error().message().find(key), std::string::npos) << status.error().message();
  }
}

TEST_F(TrainUnetTest, AFewStepModelIsNoTeacherAndNoStartOfFinetune) {
  TrainConfig c = config("out", 1);
  c.model = EF_SOURCE_DIR "/tests/goldens/pipelines/lcm_w";
  for (const TrainTask task : {TrainTask::finetune, TrainTask::distill, TrainTask::lcm}) {
    c.task = task;
    c.removal = {"small"};
    const Status status = run(c);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message().find("time_cond_proj_dim"), std::string::npos)
        << status.error().message();
  }
}

TEST_F(TrainUnetTest, ADamagedCacheIsTold) {
  const TrainConfig c = config("out", 1);
  ASSERT_TRUE(run(c));
  fs::remove_all(*newest_checkpoint(c.out));
  for (const auto& entry : fs::directory_iterator(c.out)) {
    if (!entry.path().filename().string().starts_with("latents-")) continue;
    const at::Tensor odd = at::zeros({3, 2, 2});
    const Tensor stored = to_tensor(odd);
    ASSERT_TRUE(formats::write_safetensors(entry.path() / "latents.safetensors",
                                           {{"latents", stored.view()}}));
  }
  const Status status = run(c);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("delete the folder"), std::string::npos)
      << status.error().message();
}

TEST_F(TrainUnetTest, AnEarlierRunIsNeitherOverwrittenNorTakenUpUnasked) {
  const TrainConfig c = config("out", 4);
  EXPECT_EQ(run(c, true).error().code(), ErrorCode::not_found);
  ASSERT_TRUE(run(c));
  const Status again = run(c);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find("--resume"), std::string::npos);
}

TEST_F(TrainUnetTest, ACheckpointHasTheModelsPartsThoughTheyAreLinksAndNoCache) {
  const fs::path model = folder_ / "model";
  fs::copy(kModel, model, fs::copy_options::recursive);
  fs::rename(model / "vae" / "config.json", folder_ / "blob");
  fs::create_symlink("../../blob", model / "vae" / "config.json");
  fs::create_directories(model / "LICENSES");
  std::ofstream(model / "LICENSES" / "MIT.txt") << "text";
  std::ofstream(model / "ATTRIBUTION.md") << "whose";
  fs::create_directory(model / ".edgefusion-cache");
  std::ofstream(model / ".edgefusion-cache" / "packed") << "packed";
  TrainConfig c = config("out", 1);
  c.model = model;
  c.out = model / "runs";  // a run inside of the model's own folder
  c.steps = 2;
  c.checkpoint_every = 1;
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  const fs::path checkpoint = *newest_checkpoint(c.out);
  EXPECT_FALSE(fs::exists(checkpoint / "runs"));
  EXPECT_EQ(content(checkpoint / "vae" / "config.json"), content(folder_ / "blob"));
  EXPECT_FALSE(fs::is_symlink(checkpoint / "vae" / "config.json"));
  EXPECT_FALSE(fs::exists(checkpoint / ".edgefusion-cache"));
  EXPECT_EQ(content(checkpoint / "LICENSES" / "MIT.txt"), "text");
  EXPECT_EQ(content(checkpoint / "ATTRIBUTION.md"), "whose");
  EXPECT_TRUE(pipeline::Model::open(checkpoint));
}

TEST_F(TrainUnetTest, OldCheckpointsGoButForTheNewestTwo) {
  const TrainConfig c = config("out", 12);
  ASSERT_TRUE(run(c));
  EXPECT_FALSE(fs::exists(c.out / "checkpoint-00000004"));
  EXPECT_TRUE(fs::exists(c.out / "checkpoint-00000008"));
  EXPECT_TRUE(fs::exists(c.out / "checkpoint-00000012"));
}

TEST_F(TrainUnetTest, AdaptersLeaveTheModelAsItWasBesideThem) {
  TrainConfig c = config("out", 6);
  c.lora = {.rank = 2, .alpha = 4, .targets = {"to_q", "conv1"}};
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  const fs::path checkpoint = *newest_checkpoint(c.out);
  const auto adapters =
      formats::SafetensorsFile::open(checkpoint / "pytorch_lora_weights.safetensors");
  const auto after =
      formats::SafetensorsFile::open(checkpoint / "unet/diffusion_pytorch_model.safetensors");
  const auto before = formats::SafetensorsFile::open(std::string(kModel) +
                                                     "/unet/diffusion_pytorch_model.safetensors");
  ASSERT_TRUE(adapters && after && before);
  EXPECT_FALSE(adapters->names().empty());
  int changed = 0;
  for (const std::string& name : before->names()) {
    const Tensor a = to_f32(*before->find(name)), b = to_f32(*after->find(name));
    double largest = 0;
    for (int64_t i = 0; i < a.shape().elements(); ++i) {
      largest = std::max(largest, std::abs(double{a.values<float>()[static_cast<size_t>(i)]} -
                                           double{b.values<float>()[static_cast<size_t>(i)]}));
    }
    const bool meant = name.ends_with("to_q.weight") || name.ends_with("conv1.weight");
    changed += meant && largest > 1e-3 ? 1 : 0;
    if (!meant) {
      EXPECT_LT(largest, 1e-3) << name;  // f16
    }
  }
  EXPECT_EQ(changed, static_cast<int>(adapters->names().size() / 2));
  EXPECT_TRUE(pipeline::Model::open(checkpoint));
}

TEST(TrainConfig, EverythingThatIsWrongIsToldAtOnce) {
  const json text = {
      {"model", "m"},         {"shards", json::array()}, {"out", "o"},         {"lerning_rate", 1},
      {"caption_dropout", 2}, {"schedule", "linear"},    {"batch", "sixteen"}, {"unet", 3}};
  const auto parsed = TrainConfig::parse(text, "dir/config.json");
  ASSERT_FALSE(parsed);
  const std::string message = parsed.error().message();
  for (const char* part : {"dir/config.json", "shards", "did you mean \"learning_rate\"",
                           "caption_dropout", "schedule", "batch", "unet"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << ": " << message;
  }
}

TEST(TrainConfig, FieldsOfAnotherTaskAreUnknown) {
  const json text = {{"model", "m"}, {"shards", {"a.tar"}}, {"out", "o"}, {"removal", "tini"}};
  EXPECT_NE(TrainConfig::parse(text, "c.json").error().message().find("removal"),
            std::string::npos);
  EXPECT_NE(TrainConfig::parse(text, "c.json", TrainTask::distill).error().message().find("tini"),
            std::string::npos);
}

TEST(TrainConfig, PathsCountFromTheFilesFolder) {
  const json text = {{"model", "m"}, {"shards", {"/abs/a.tar", "b.tar"}}, {"out", "o"}};
  const auto parsed = TrainConfig::parse(text, "dir/config.json");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->model, "dir/m");
  EXPECT_EQ(parsed->shards[0], "/abs/a.tar");
  EXPECT_EQ(parsed->shards[1], "dir/b.tar");
}

TEST_F(TrainUnetTest, APlanCountsWhatTheModelHas) {
  const json text = {{"model", kModel}, {"shards", {"a.tar"}}, {"out", "o"}, {"resolution", 64}};
  const auto plan = plan_training(*TrainConfig::parse(text, folder_ / "config.json"));
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_GT(plan->parameters, 10000);
  EXPECT_EQ(plan->trained, plan->parameters);
  EXPECT_GT(plan->step.seconds, 0);
  // Weights, average, gradients and AdamW's moments at least, and not the memory of a thousand.
  EXPECT_GT(plan->step.bytes, plan->parameters * 20);
  EXPECT_LT(plan->step.bytes, plan->parameters * 20 + (int64_t{64} << 20));
  EXPECT_GT(plan->macs_per_sample, plan->parameters);
  const auto nowhere = plan_training(*TrainConfig::parse(text, folder_ / "no" / "config.json"));
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message().find("a.tar"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::train
