#include "train/train_image_text.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "formats/png.h"
#include "models/image_tower.h"
#include "shards/testing/write_shard.h"
#include "text/tokenizer.h"
#include "train/checkpoint.h"
#include "train/image_text_network.h"
#include "train/testing/text_model.h"
#include "train/text_means.h"

namespace edgefusion::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Colour {
  const char* name;
  uint8_t red, green, blue;
};
constexpr Colour kColours[] = {
    {"red", 230, 30, 30}, {"green", 30, 200, 40}, {"blue", 40, 50, 230}, {"gray", 128, 128, 128}};

/// A square or a bar of one colour on white.
std::string picture(const Colour& colour, bool is_bar) {
  formats::Image image{.width = 24, .height = 24, .channels = 3, .pixels = {}};
  for (int i = 0; i < 24 * 24; ++i) {
    const int x = i % 24, y = i / 24;
    const bool inside = x >= 5 && x < 19 && (is_bar ? y >= 10 && y < 14 : y >= 5 && y < 19);
    for (const uint8_t value : {colour.red, colour.green, colour.blue}) {
      image.pixels.push_back(inside ? value : 255);
    }
  }
  const auto bytes = *formats::encode_png(image);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class TrainImageTextTest : public testing::Test {
 protected:
  void SetUp() override {
    write_text_model(folder_ / "text");
    shards::ShardMembers members;
    for (const Colour& colour : kColours) {
      for (const bool is_bar : {false, true}) {
        const std::string key = std::to_string(members.size());
        const std::string what = std::string(colour.name) + (is_bar ? " bar" : " square");
        members.emplace_back(key + ".png", picture(colour, is_bar));
        members.emplace_back(key + ".txt", "a " + what);
        members.emplace_back(key + ".json", R"({"captions": [")" + what + R"("]})");
      }
    }
    shards::write_shard(folder_ / "a.tar", members);
  }

  ImageTextConfig config(const json& changes) const {
    json text = {{"text_model", "text"},
                 {"shards", {"a.tar"}},
                 {"val_shards", {"a.tar"}},
                 {"batch", 8},
                 {"steps", 80},
                 {"learning_rate", 5e-3},
                 {"ema_decay", 0.5},
                 {"out", "out"},
                 {"log_every", 5},
                 {"report_captions", 50},
                 {"checkpoint_every", 500},
                 {"extra_texts", 4},
                 {"zoom", 0.05},
                 {"shift", 0.05},
                 {"seed", 3}};
    text["network"] = {{"image_size", 16}, {"widths", {8, 16}}, {"blocks", {1, 1}},
                       {"norm_groups", 4}, {"pool_heads", 2},   {"embedding_width", 16},
                       {"text_tokens", 16}};
    text.merge_patch(changes);
    auto parsed = ImageTextConfig::parse(text, folder_ / "config.json");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  Result<ImageTextReport> run(const ImageTextConfig& config, bool resume = false) {
    metrics_.clear();
    TrainCallbacks callbacks;
    callbacks.log = [](LogLevel, std::string_view) {};
    callbacks.step = [this](const TrainMetrics& line) { metrics_.push_back(line); };
    callbacks.encoding = [this](int64_t texts) { encoded_ = texts; };
    Processes alone;
    return train_image_text(config, resume, alone, callbacks);
  }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::vector<TrainMetrics> metrics_;
  int64_t encoded_ = 0;
};

TEST_F(TrainImageTextTest, PicturesAndCaptionsFindEachOther) {
  const auto first = run(config({{"steps", 1}, {"learning_rate", 0}, {"out", "first"}}));
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(encoded_, 16) << "texts, each once";
  EXPECT_LE(first->train->text_of_picture_at_1, 0.5);
  const ImageTextConfig c = config(json::object());
  const auto report = run(c);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->val->pictures, 8);
  EXPECT_GE(report->train->text_of_picture_at_1, 0.75);
  EXPECT_GE(report->val->picture_of_text_at_1, 0.75);
  EXPECT_EQ(report->val->text_of_picture_at_5, 1.0);
  EXPECT_LT(metrics_.back().loss, 0.5 * metrics_.front().loss);
  EXPECT_GT(metrics_.back().terms.at("found"), metrics_.front().terms.at("found"));
  const json written = json::parse(std::ifstream(c.out / "report.json"));
  EXPECT_EQ(written["val"]["image_to_text_recall_at_1"], report->val->text_of_picture_at_1);
  EXPECT_EQ(written["parameters"], report->parameters);
  EXPECT_NE(report->summary().find("unseen pictures"), std::string::npos);
}

TEST_F(TrainImageTextTest, ACheckpointHasAllThatJudgingTakes) {
  const ImageTextConfig c = config({{"steps", 2}});
  ASSERT_TRUE(run(c));
  const fs::path checkpoint = *newest_checkpoint(c.out);
  const json network = json::parse(std::ifstream(checkpoint / "config.json"));
  EXPECT_EQ(network["_class_name"], "ImageTextModel");
  EXPECT_EQ(network["text_width"], 48) << "the text model's";
  EXPECT_EQ(network["widths"], (std::vector<int>{8, 16}));
  const auto again = ImageTextNetwork::make(network, "config.json", 2);
  ASSERT_TRUE(again) << again.error().message();
  const auto parameters = again->load(checkpoint);
  ASSERT_TRUE(parameters) << parameters.error().message();
  EXPECT_TRUE(parameters->contains(models::kLogitScale));
  EXPECT_TRUE(text::open_tokenizer(checkpoint / "tokenizer"));
  EXPECT_TRUE(fs::exists(checkpoint / "text_encoder" / "model.safetensors"));
}

TEST_F(TrainImageTextTest, ARunTakenUpAgainEqualsOneThatDidNotStop) {
  const auto with = [&](const char* out, int steps) {
    return config(
        {{"out", out}, {"steps", steps}, {"checkpoint_every", 4}, {"val_shards", json::array()}});
  };
  const auto straight = run(with("straight", 8));
  ASSERT_TRUE(straight) << straight.error().message();
  EXPECT_FALSE(straight->val);
  ASSERT_TRUE(run(with("halves", 4)));
  encoded_ = 0;
  ASSERT_TRUE(run(with("halves", 8), true));
  EXPECT_EQ(encoded_, 0) << "what the text encoder makes of captions is kept";
  const std::string file = "checkpoint-00000008/model.safetensors";
  EXPECT_EQ(content(folder_ / "halves" / file), content(folder_ / "straight" / file));
  EXPECT_FALSE(content(folder_ / "halves" / file).empty());
}

TEST_F(TrainImageTextTest, MeansAreOverRealTokensWhateverTheBatch) {
  const auto encoder = open_text_teacher(folder_ / "text");
  ASSERT_TRUE(encoder) << encoder.error().message();
  const std::vector<std::string> texts = {"a red square", "blue", "a gray circle photo"};
  const auto all = text_means(*encoder, texts, 16, folder_ / "all");
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ(all->sizes(), (at::IntArrayRef{3, 48}));
  const auto one = text_means(*encoder, std::span(texts).subspan(1, 1), 16, folder_ / "one");
  ASSERT_TRUE(one);
  EXPECT_TRUE(at::allclose((*one)[0], (*all)[1], 1e-4, 1e-5));
  // Cut to [CLS] a [SEP]: the same as that text.
  const auto cut = text_means(*encoder, texts, 3, folder_ / "cut");
  const auto shorter = text_means(*encoder, std::vector<std::string>{"a"}, 16, folder_ / "shorter");
  ASSERT_TRUE(cut && shorter);
  EXPECT_TRUE(at::allclose((*cut)[0], (*shorter)[0], 1e-4, 1e-5));
  const auto broken =
      text_means(*encoder, std::vector<std::string>{"a \xff"}, 16, folder_ / "broken");
  ASSERT_FALSE(broken);
  EXPECT_FALSE(fs::exists(folder_ / "broken" / "means.safetensors"));
}

TEST_F(TrainImageTextTest, WhatDoesNotFitIsRefusedByName) {
  const auto wide = run(config({{"network", {{"text_width", 50}}}}));
  ASSERT_FALSE(wide);
  EXPECT_NE(wide.error().message().find("text_width: integer 50"), std::string::npos)
      << wide.error().message();
  const auto longer = run(config({{"network", {{"text_tokens", 200}}}}));
  ASSERT_FALSE(longer);
  EXPECT_NE(longer.error().message().find("text_tokens: 200"), std::string::npos);
  const auto odd = run(config({{"network", {{"image_size", 18}}}}));
  ASSERT_FALSE(odd);
  EXPECT_NE(odd.error().message().find("image_size"), std::string::npos);
  const auto large = run(config({{"batch", 5000}}));
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message().find("5000"), std::string::npos);
  const auto alone = ImageTextConfig::parse({{"text_model", "text"},
                                             {"shards", {"a.tar"}},
                                             {"out", "out"},
                                             {"batch", 1},
                                             {"temprature", 0.1}},
                                            folder_ / "config.json");
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message().find("batch"), std::string::npos);
  EXPECT_NE(alone.error().message().find("temperature"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(TrainImageTextTest, WhatWouldStopARunLaterIsToldByThePlanToo) {
  const auto refused = [&](const json& changes, ErrorCode code, const char* says) {
    const ImageTextConfig c = config(changes);
    const auto plan = plan_image_text(c);
    const auto report = run(c);
    ASSERT_FALSE(plan);
    ASSERT_FALSE(report);
    EXPECT_EQ(plan.error().code(), code) << plan.error().message();
    EXPECT_EQ(report.error().code(), code) << report.error().message();
    EXPECT_NE(plan.error().message().find(says), std::string::npos) << plan.error().message();
    EXPECT_NE(report.error().message().find(says), std::string::npos) << report.error().message();
    EXPECT_FALSE(fs::exists(c.out));
  };
  refused({{"val_shards", {"none.tar"}}}, ErrorCode::not_found, "none.tar");
  const std::vector<int> widths(8, 1024), blocks(8, 64);
  refused({{"batch", 256},
           {"shards", {"none.tar"}},
           {"network", {{"image_size", 1024}, {"widths", widths}, {"blocks", blocks}}}},
          ErrorCode::resource_exhausted, "\"image_size\"");
}

}  // namespace
}  // namespace edgefusion::train
