#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "core/runtime.h"
#include "core/testing/temporary_folder.h"
#include "formats/png.h"
#include "pipeline/text_to_image.h"
#include "shards/testing/write_shard.h"
#include "train/latent_cache.h"
#include "train/processes.h"
#include "train/train_unet.h"

namespace edgefusion::train {

namespace fs = std::filesystem;
using nlohmann::json;

inline constexpr const char* kModel = EF_SOURCE_DIR "/tests/goldens/pipelines/sd";

/// A picture of one colour with a darker square in it.
inline std::string picture(uint8_t red, uint8_t green, uint8_t blue) {
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

/// The pipeline in the folder gives a picture in two steps.
inline void expect_paints(const fs::path& folder) {
  const auto model = pipeline::Model::open(folder);
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

class TrainUnetTest : public testing::Test {
 protected:
  void SetUp() override {
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

  /// With the pictures encoded, its texts not, and no step done: leaves a checkpoint of the
  /// beginning.
  Status run_no_step(TrainConfig config) {
    const auto model = pipeline::Model::open(config.model);
    EXPECT_TRUE(model) << model.error().message();
    fs::create_directories(config.out);
    const ReadingSinks sinks = {[](LogLevel, std::string_view) {}, nullptr};
    EXPECT_TRUE(LatentCache::open(config, **model, config.out, sinks));
    config.text_states = "none";
    cancel_ = true;
    Status status = run(config);
    cancel_ = false;
    return status;
  }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::vector<std::string> said_;
  std::vector<TrainMetrics> metrics_;
  std::atomic<bool> cancel_{false};
};

}  // namespace edgefusion::train
