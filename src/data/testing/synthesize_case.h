#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/testing/temporary_folder.h"
#include "data/synthesize.h"
#include "data/testing/shapes.h"
#include "formats/png.h"
#include "shards/picture.h"
#include "shards/shard_reader.h"
#include "shards/testing/write_shard.h"

namespace edgefusion::data {

/// A sample that was made, read back.
struct WrittenScene {
  std::string key, caption;
  nlohmann::json notes;
  formats::Image picture;
};

/// Shapes of different colours with captions, and some that cannot be used.
class SynthesizeTest : public testing::Test {
 protected:
  void SetUp() override {
    add("ball", {.kind = ShapeKind::disc, .rgb = {222, 36, 40}});
    add("box", {.kind = ShapeKind::square, .rgb = {40, 104, 224}, .stretch = 0.6});
    add("kite", {.kind = ShapeKind::diamond, .rgb = {52, 168, 72}, .stretch = 1.3});
    add("orange ring", {.kind = ShapeKind::ring, .rgb = {250, 136, 20}});
    add("cross", {.kind = ShapeKind::cross, .rgb = {132, 60, 196}});
    add("moon", {.kind = ShapeKind::disc, .rgb = {252, 252, 250}});
    add("wall", {.kind = ShapeKind::square, .rgb = {90, 90, 90}, .radius = 60});
    add("speck", {.kind = ShapeKind::disc, .rgb = {90, 90, 90}, .radius = 4});
    members_.emplace_back("broken.png", "no picture");
    members_.emplace_back("broken.txt", "a drawing of a broken one");
    members_.emplace_back("broken.json", R"({"name": "broken one", "style": "drawing"})");
    shards::write_shard(folder_ / "a.tar", members_);
  }

  void add(const std::string& name, const Shape& shape) {
    const std::string key = std::to_string(members_.size());
    const auto png = *formats::encode_png(shape_picture(shape));
    members_.emplace_back(key + ".png",
                          std::string(reinterpret_cast<const char*>(png.data()), png.size()));
    const std::string article = name == "orange ring" ? "an " : "a ";
    members_.emplace_back(key + ".txt", "a drawing of " + article + name + "\n");
    const nlohmann::json notes = {{"name", name},
                                  {"style", "drawing"},
                                  {"source", "shapes"},
                                  {"licence", name == "ball" ? "MIT" : "CC0-1.0"},
                                  {"author", "author of " + name},
                                  {"captions", {article + name + " sketch, white background"}}};
    members_.emplace_back(key + ".json", notes.dump());
  }

  SynthesizeConfig config(const nlohmann::json& changes = nlohmann::json::object()) const {
    nlohmann::json json = {
        {"shards", {"a.tar"}},     {"out", "out"},        {"scenes", 20}, {"resolution", 128},
        {"scenes_per_shard", 400}, {"min_coverage", 0.02}};
    json.update(changes);
    const auto parsed = SynthesizeConfig::parse(json, folder_ / "config.json");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  Result<SynthesizeReport> run(const SynthesizeConfig& config, int threads = 2) {
    said_.clear();
    ThreadPool pool(threads);
    return synthesize(config, pool,
                      {.log = [this](LogLevel, std::string_view text) { said_.emplace_back(text); },
                       .progress = {},
                       .cancel = &cancel_});
  }

  std::vector<WrittenScene> read(const std::filesystem::path& out) const {
    std::vector<WrittenScene> scenes;
    for (int i = 0; std::filesystem::exists(shard(out, i)); ++i) {
      auto reader = shards::ShardReader::open(shard(out, i));
      EXPECT_TRUE(reader) << reader.error().message();
      while (const auto sample = *reader->next()) {
        auto picture = shards::decode_picture(sample->members.at("webp"), sample->key);
        EXPECT_TRUE(picture) << picture.error().message();
        scenes.push_back({sample->key, sample->text("txt"),
                          nlohmann::json::parse(sample->text("json")), *std::move(picture)});
      }
    }
    return scenes;
  }

  static std::filesystem::path shard(const std::filesystem::path& out, int number) {
    return out / ("synthetic-00" + std::to_string(number) + ".tar.gz");
  }
  static std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder temporary_;
  const std::filesystem::path& folder_ = temporary_.path();
  shards::ShardMembers members_;
  std::vector<std::string> said_;
  std::atomic<bool> cancel_{false};
};

}  // namespace edgefusion::data
