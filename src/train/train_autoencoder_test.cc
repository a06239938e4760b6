#include "train/train_autoencoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "formats/diffusers_folder.h"
#include "formats/png.h"
#include "shards/testing/write_shard.h"
#include "train/checkpoint.h"
#include "train/picture_cache.h"
#include "train/picture_quality.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Two halves of different colours.
std::string picture(uint8_t left, uint8_t right) {
  formats::Image image{.width = 32, .height = 32, .channels = 3, .pixels = {}};
  for (int i = 0; i < 32 * 32; ++i) {
    for (const int channel : {0, 40, 80}) {
      image.pixels.push_back(static_cast<uint8_t>((i % 32 < 16 ? left : right) + channel));
    }
  }
  const auto bytes = *formats::encode_png(image);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class TrainAutoencoderTest : public testing::Test {
 protected:
  void SetUp() override {
    shards::write_shard(folder_ / "a.tar", {{"0.png", picture(10, 120)},
                                            {"0.txt", "dark and light"},
                                            {"1.png", picture(150, 60)},
                                            {"1.txt", "light and dark"}});
  }

  AutoencoderConfig config(const json& changes) const {
    json text = {{"shards", {"a.tar"}},
                 {"val_shards", {"a.tar"}},
                 {"resolution", 32},
                 {"crop", 16},
                 {"batch", 2},
                 {"steps", 150},
                 {"ema_decay", 0.5},
                 {"learning_rate", 3e-3},
                 {"out", "out"},
                 {"log_every", 10},
                 {"seed", 3}};
    text["network"] = {{"encoder_block_out_channels", {8, 8, 8, 8}},
                       {"decoder_block_out_channels", {8, 8, 8, 8}},
                       {"num_encoder_blocks", {1, 1, 1, 1}},
                       {"num_decoder_blocks", {1, 1, 1, 1}}};
    text.update(changes);
    auto parsed = AutoencoderConfig::parse(text, folder_ / "config.json");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  Result<AutoencoderReport> run(const AutoencoderConfig& config, bool resume = false) {
    metrics_.clear();
    said_.clear();
    TrainCallbacks callbacks;
    callbacks.log = [this](LogLevel, std::string_view text) { said_.emplace_back(text); };
    callbacks.step = [this](const TrainMetrics& line) { metrics_.push_back(line); };
    Processes alone;
    return train_autoencoder(config, resume, alone, callbacks);
  }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::vector<TrainMetrics> metrics_;
  std::vector<std::string> said_;
};

TEST_F(TrainAutoencoderTest, GivesPicturesBackBetterThanAtFirstAndSaysHowWell) {
  const auto first = run(config({{"steps", 1}, {"out", "first"}}));
  ASSERT_TRUE(first) << first.error().message();
  const AutoencoderConfig c = config({{"moments_weight", 0}});
  const auto report = run(c);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->pictures, 2);
  EXPECT_GT(report->psnr_db, first->psnr_db + 6);
  EXPECT_GT(report->ssim, first->ssim);
  const json written = json::parse(std::ifstream(c.out / "report.json"));
  EXPECT_DOUBLE_EQ(written["psnr_db"], report->psnr_db);
  const auto sheet = formats::read_png(c.out / "sheet.png");
  ASSERT_TRUE(sheet) << sheet.error().message();
  EXPECT_GT(sheet->image.width, 2 * 32);
  EXPECT_TRUE(formats::read_png(c.out / "loss.png"));
  const auto folder = formats::open_diffusers_folder(*newest_checkpoint(c.out));
  ASSERT_TRUE(folder) << folder.error().message();
  ASSERT_NE(folder->network("vae"), nullptr);
  EXPECT_EQ(folder->network("vae")->class_name, "AutoencoderTiny");
}

TEST_F(TrainAutoencoderTest, LearnsTheLatentsOfATeacher) {
  ASSERT_TRUE(run(config({{"steps", 1}, {"out", "teacher"}, {"seed", 8}})));
  const json changes = {{"latent_teacher", "teacher/checkpoint-00000001"},
                        {"l1_weight", 0},
                        {"gradient_weight", 0},
                        {"moments_weight", 0},
                        {"ema_decay", 0}};
  const auto report = run(config(changes));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_LT(metrics_.back().terms.at("latents"), 0.2 * metrics_.front().terms.at("latents"));
}

TEST_F(TrainAutoencoderTest, LearnsTheLatentsOfSmallerPicturesWhereItHasFewer) {
  ASSERT_TRUE(run(config({{"steps", 1}, {"out", "teacher"}, {"seed", 8}})));
  const std::vector<int> five(5, 8), blocks(5, 1);
  const json changes = {{"latent_teacher", "teacher/checkpoint-00000001"},
                        {"network",
                         {{"encoder_block_out_channels", five},
                          {"decoder_block_out_channels", five},
                          {"num_encoder_blocks", blocks},
                          {"num_decoder_blocks", blocks}}},
                        {"crop", 32},
                        {"ema_decay", 0}};
  const auto report = run(config(changes));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_LT(metrics_.back().terms.at("latents"), 0.5 * metrics_.front().terms.at("latents"));
}

TEST_F(TrainAutoencoderTest, MomentsPullTheLatentsToUnitVariance) {
  const auto without = run(config({{"moments_weight", 0}, {"out", "without"}}));
  const auto with = run(config({{"moments_weight", 1}, {"out", "with"}}));
  ASSERT_TRUE(without && with);
  const auto off = [](const AutoencoderReport& report) {
    return std::abs(report.latent_mean) + std::abs(report.latent_deviation - 1);
  };
  EXPECT_LT(off(*with), off(*without));
  EXPECT_LT(off(*with), 0.5);
}

TEST_F(TrainAutoencoderTest, ARunWithACriticTakenUpAgainEqualsOneThatDidNotStop) {
  const json critic = {{"adversarial_weight", 0.1},
                       {"feature_weight", 1},
                       {"adversarial_from", 3},
                       {"checkpoint_every", 4},
                       {"val_shards", json::array()}};
  const auto with = [&](const char* out, int steps) {
    json changes = critic;
    changes["out"] = out;
    changes["steps"] = steps;
    return config(changes);
  };
  const AutoencoderConfig straight = with("straight", 8), rest = with("halves", 8);
  ASSERT_TRUE(run(straight));
  EXPECT_TRUE(metrics_.back().terms.contains("critic"));
  ASSERT_TRUE(run(with("halves", 4)));
  ASSERT_TRUE(run(rest, true));
  for (const char* file :
       {"diffusion_pytorch_model.safetensors", "training/parameters.safetensors",
        "training/critic.safetensors", "training/critic_optimizer.safetensors"}) {
    const std::string expected = content(straight.out / "checkpoint-00000008" / file);
    EXPECT_FALSE(expected.empty()) << file;
    EXPECT_EQ(content(rest.out / "checkpoint-00000008" / file), expected) << file;
  }
}

TEST_F(TrainAutoencoderTest, BeginsFromAHalfThatIsThere) {
  ASSERT_TRUE(run(config({{"steps", 5}, {"out", "whole"}})));
  const fs::path whole = folder_ / "whole/checkpoint-00000005";
  const auto same = run(
      config({{"start", whole.string()}, {"steps", 1}, {"learning_rate", 0}, {"out", "again"}}));
  ASSERT_TRUE(same) << same.error().message();
  const std::string file = "diffusion_pytorch_model.safetensors";
  EXPECT_EQ(content(folder_ / "again/checkpoint-00000001" / file), content(whole / file));
  const auto narrow =
      run(config({{"start", whole.string()},
                  {"out", "narrow"},
                  {"network", {{"encoder_block_out_channels", {16, 16, 16, 16}}}}}));
  ASSERT_FALSE(narrow);
  EXPECT_NE(narrow.error().message().find("encoder.layers.0.weight"), std::string::npos)
      << narrow.error().message();
}

TEST_F(TrainAutoencoderTest, SquaresThatDoNotComeBackWholeAreRefused) {
  const auto odd = run(config({{"crop", 20}}));
  ASSERT_FALSE(odd);
  EXPECT_NE(odd.error().message().find("pixels per latent"), std::string::npos)
      << odd.error().message();
}

TEST_F(TrainAutoencoderTest, PicturesWithoutCaptionsWillDo) {
  shards::write_shard(folder_ / "alone.tar", {{"0.png", picture(10, 120)}, {"1.png", "broken"}});
  const json alone = {{"shards", {"alone.tar"}}, {"val_shards", {"alone.tar"}}, {"steps", 1}};
  const auto report = run(config(alone));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->pictures, 1);
  ASSERT_EQ(said_.size(), 2u) << "the broken picture, and how many there are";
  EXPECT_EQ(said_[0].find("caption"), std::string::npos) << said_[0];
}

TEST_F(TrainAutoencoderTest, PicturesWithoutCaptionsAreNotKeptForThoseWhoNeedThem) {
  shards::write_shard(folder_ / "mixed.tar",
                      {{"0.png", picture(1, 2)}, {"1.png", picture(3, 4)}, {"1.txt", "dark"}});
  PictureSource source = {.shards = {folder_ / "mixed.tar"}, .resolution = 32};
  const ReadingSinks sinks = {[](LogLevel, std::string_view) {}, nullptr};
  for (const bool needed : {false, true}) {
    source.captions_needed = needed;
    const auto pictures = PictureCache::open(source, folder_ / "cache", sinks);
    ASSERT_TRUE(pictures) << pictures.error().message();
    EXPECT_EQ(pictures->count(), needed ? 1 : 2);
  }
}

TEST_F(TrainAutoencoderTest, WhatWouldStopTheReportIsToldBeforeTheFirstStepAndByThePlan) {
  const auto refused = [&](const json& changes, const char* says) {
    const AutoencoderConfig c = config(changes);
    const auto plan = plan_autoencoder(c);
    const auto report = run(c);
    ASSERT_FALSE(plan);
    ASSERT_FALSE(report);
    EXPECT_EQ(plan.error().message(), report.error().message());
    EXPECT_NE(plan.error().message().find(says), std::string::npos) << plan.error().message();
    EXPECT_FALSE(fs::exists(c.out));
  };
  refused({{"resolution", 36}}, "squares of 36 pixels come back as 40");
  refused({{"val_shards", {"none.tar"}}}, "none.tar");
  const auto without_report =
      run(config({{"resolution", 36}, {"val_shards", json::array()}, {"steps", 1}}));
  EXPECT_TRUE(without_report) << without_report.error().message();
}

TEST_F(TrainAutoencoderTest, AStepThatFitsIntoNoMemoryIsRefusedBeforeAnythingIsRead) {
  json changes = {{"shards", {"none.tar"}}, {"resolution", 512}, {"crop", 512}, {"batch", 1024}};
  const std::vector<int> widths(4, 1024), blocks(4, 64);
  changes["network"] = {{"encoder_block_out_channels", widths},
                        {"decoder_block_out_channels", widths},
                        {"num_encoder_blocks", blocks},
                        {"num_decoder_blocks", blocks}};
  const AutoencoderConfig c = config(changes);
  const auto plan = plan_autoencoder(c);
  const auto report = run(c);
  ASSERT_FALSE(plan);
  ASSERT_FALSE(report);
  EXPECT_EQ(plan.error().code(), ErrorCode::resource_exhausted) << plan.error().message();
  EXPECT_EQ(report.error().code(), ErrorCode::resource_exhausted) << report.error().message();
  EXPECT_NE(report.error().message().find("\"crop\""), std::string::npos);
  EXPECT_FALSE(fs::exists(c.out));
}

TEST(PictureQuality, EqualsTheDefinitions) {
  const at::Tensor a = at::zeros({1, 16, 16, 3}), b = at::full({1, 16, 16, 3}, 0.2);
  EXPECT_NEAR(psnr(a, b).item<double>(), 20.0, 1e-4);  // 20 log10(2 / 0.2)
  EXPECT_NEAR(ssim(b, b).item<double>(), 1.0, 1e-6);
  // Constant pictures: only the term of the means is left.
  EXPECT_NEAR(ssim(a, b).item<double>(), 0.0004 / (0.04 + 0.0004), 1e-6);
}

}  // namespace
}  // namespace edgefusion::train
