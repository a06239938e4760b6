#include "train/train_unet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <vector>

#include "core/runtime.h"
#include "formats/png.h"
#include "formats/safetensors.h"
#include "pipeline/text_to_image.h"
#include "shards/testing/write_shard.h"
#include "train/checkpoint.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kModel = EF_SOURCE_DIR "/tests/goldens/pipelines/sd";

/// A picture of one colour with a darker square in it.
std::string picture(uint8_t red, uint8_t green, uint8_t blue) {
  formats::Image image{.width = 32, .height = 32, .channels = 3, .pixels = {}};
  for (int i = 0; i < 32 * 32; ++i) {
    const bool inside = i % 32 >= 8 && i % 32 < 24 && i / 32 >= 8 && i / 32 < 24;
    for (const uint8_t value : {red, green, blue}) {
      image.pixels.push_back(inside ? static_cast<uint8_t>(value / 3) : value);
    }
  }
  const auto bytes = *formats::encode_png(image);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class TrainUnetTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/train_unet_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    shards::write_shard(folder_ / "a.tar",
                        {{"0.png", picture(250, 20, 20)},
                         {"0.txt", "a red square"},
                         {"1.png", picture(20, 250, 20)},
                         {"1.txt", "a green square"},
                         {"2.png", "no picture"},
                         {"2.txt", "broken"},
                         {"3.png", picture(20, 20, 250)},
                         {"3.txt", "a blue square"},
                         {"3.json", R"({"captions": ["a blue square", "blue"]})"},
                         {"4.txt", "no picture at all"}});
  }
  void TearDown() override { fs::remove_all(folder_); }

  TrainConfig config(const std::string& out, int64_t steps) const {
    const json text = {{"model", kModel},  {"shards", {"a.tar"}},  {"resolution", 32},
                       {"batch", 3},       {"steps", steps},       {"learning_rate", 2e-3},
                       {"ema_decay", 0.5}, {"flip", true},         {"out", out},
                       {"log_every", 5},   {"checkpoint_every", 4}};
    auto parsed = TrainConfig::parse(text, folder_ / "config.json");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  Status run(const TrainConfig& config, bool resume = false) {
    said_.clear();
    metrics_.clear();
    TrainCallbacks callbacks;
    callbacks.log = [this](LogLevel, std::string_view text) { said_.emplace_back(text); };
    callbacks.step = [this](const TrainMetrics& line) { metrics_.push_back(line); };
    callbacks.cancel = &cancel_;
    Processes alone;
    return train_unet(config, resume, alone, callbacks);
  }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
  std::vector<std::string> said_;
  std::vector<TrainMetrics> metrics_;
  std::atomic<bool> cancel_{false};
};

TEST_F(TrainUnetTest, LearnsAFewPicturesAndLeavesAModelThatPaints) {
  TrainConfig c = config("out", 60);
  c.unet = json::parse(std::ifstream(std::string(kModel) + "/unet/config.json"));  // from scratch
  c.caption_dropout = 0;
  const Status status = run(c);
  ASSERT_TRUE(status) << status.error().message();
  ASSERT_EQ(metrics_.size(), 12u);
  EXPECT_LT(metrics_.back().loss, 0.8 * metrics_.front().loss);
  // Two samples could not be used, each is named.
  EXPECT_EQ(said_.size(), 3u);
  EXPECT_NE(said_[0].find("2.png"), std::string::npos) << said_[0];
  EXPECT_NE(said_[1].find("4: no picture"), std::string::npos) << said_[1];

  const auto checkpoint = newest_checkpoint(c.out);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->filename(), "checkpoint-00000060");
  const auto model = pipeline::Model::open(*checkpoint);
  ASSERT_TRUE(model) << model.error().message();
  const auto runtime = Runtime::make(1, "", [](LogLevel, std::string_view) {});
  pipeline::GenerationRequest request;
  request.prompt = "a red square";
  request.steps = 2;
  request.width = request.height = 32;
  const auto painted = pipeline::TextToImage(*model, *runtime).generate(request);
  ASSERT_TRUE(painted) << painted.error().message();
  EXPECT_EQ(painted->images.front().width, 32);
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

TEST_F(TrainUnetTest, ACancelledRunLeavesACheckpointAtItsStep) {
  cancel_ = true;
  const TrainConfig c = config("out", 8);
  const Status status = run(c);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::cancelled);
  ASSERT_TRUE(newest_checkpoint(c.out));
  EXPECT_EQ(newest_checkpoint(c.out)->filename(), "checkpoint-00000000");
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
  EXPECT_TRUE(pipeline::Model::open(checkpoint));
}

TEST_F(TrainUnetTest, OldCheckpointsGoButForTheNewestTwo) {
  const TrainConfig c = config("out", 12);
  ASSERT_TRUE(run(c));
  EXPECT_FALSE(fs::exists(c.out / "checkpoint-00000004"));
  EXPECT_TRUE(fs::exists(c.out / "checkpoint-00000008"));
  EXPECT_TRUE(fs::exists(c.out / "checkpoint-00000012"));
}

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
  cancel_ = true;  // a checkpoint of the beginning
  EXPECT_EQ(run(c).error().code(), ErrorCode::cancelled);
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
  cancel_ = false;
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

TEST_F(DistillTest, ATeacherThatIsTooSmallIsRefused) {
  TrainConfig c = distillation(kModel, json::object());
  const Status status = run(c);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("layers_per_block"), std::string::npos)
      << status.error().message();
}

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
  const auto runtime = Runtime::make(1, "", [](LogLevel, std::string_view) {});
  pipeline::GenerationRequest request;
  request.prompt = "a red square";
  request.steps = 2;
  request.width = request.height = 32;
  const auto painted = pipeline::TextToImage(*model, *runtime).generate(request);
  ASSERT_TRUE(painted) << painted.error().message();
}

TEST_F(LcmTest, AStudentBeginsAsItWasWithZerosForTheGuidanceScale) {
  cancel_ = true;
  const TrainConfig c = consistency(json::object());
  EXPECT_EQ(run(c).error().code(), ErrorCode::cancelled);
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

TEST(TrainPlan, CountsWhatTheModelHas) {
  const json text = {{"model", kModel}, {"shards", {"a.tar"}}, {"out", "o"}, {"resolution", 64}};
  const auto plan = plan_training(*TrainConfig::parse(text, "config.json"));
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_GT(plan->parameters, 10000);
  EXPECT_EQ(plan->weight_bytes, plan->parameters * 20);
  EXPECT_GT(plan->macs_per_sample, plan->parameters);
}

}  // namespace
}  // namespace edgefusion::train
