#include "data/synthesize.h"

#include <gtest/gtest.h>

#include <set>

#include "data/testing/synthesize_case.h"

namespace edgefusion::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_F(SynthesizeTest, TheSameConfigGivesTheSameBytesWithAnyNumberOfThreads) {
  ASSERT_TRUE(run(config({{"scenes", 60}, {"scenes_per_shard", 25}}), 1));
  ASSERT_TRUE(run(config({{"scenes", 60}, {"scenes_per_shard", 25}, {"out", "again"}}), 3));
  ASSERT_TRUE(run(config({{"scenes", 60}, {"scenes_per_shard", 25}, {"out", "b"}, {"seed", 1}})));
  for (const char* name : {"synthetic-000.tar.gz", "synthetic-001.tar.gz", "synthetic-002.tar.gz",
                           "index.json", "sheet.png"}) {
    EXPECT_TRUE(fs::exists(folder_ / "out" / name)) << name;
    EXPECT_EQ(content(folder_ / "out" / name), content(folder_ / "again" / name)) << name;
  }
  EXPECT_NE(content(shard(folder_ / "out", 0)), content(shard(folder_ / "b", 0)));
  EXPECT_FALSE(fs::exists(shard(folder_ / "out", 3)));
}

TEST_F(SynthesizeTest, SamplesSayWhatTheyAreMadeOf) {
  ASSERT_TRUE(run(config({{"kinds", {{"sides", 1}}}})));
  const auto scenes = read(folder_ / "out");
  std::set<std::string> keys;
  for (const WrittenScene& scene : scenes) {
    keys.insert(scene.key);
    EXPECT_EQ(scene.notes["kind"], "sides");
    EXPECT_EQ(scene.notes["style"], "drawing");
    EXPECT_EQ(scene.notes["source"], "synthetic");
    ASSERT_EQ(scene.notes["objects"].size(), 2u);
    bool ball = false;
    for (const json& object : scene.notes["objects"]) {
      EXPECT_NE(scene.caption.find(object["name"]), std::string::npos) << scene.caption;
      EXPECT_EQ(object["author"], "author of " + object["name"].get<std::string>());
      EXPECT_EQ(object["shard"], "a.tar");
      EXPECT_EQ(object["source"], "shapes");
      ball = ball || object["name"] == "ball";
    }
    EXPECT_EQ(scene.notes["licence"], ball ? "CC0-1.0 AND MIT" : "CC0-1.0");
  }
  EXPECT_EQ(keys.size(), 20u);
  const json index = json::parse(content(folder_ / "out" / "index.json"));
  EXPECT_EQ(index["scenes"], 20);
  EXPECT_EQ(index["authors"][0], "author of ball");
}

TEST_F(SynthesizeTest, SamplesThatCannotBeUsedAreCountedByTheReason) {
  const auto report = run(config());
  ASSERT_TRUE(report) << report.error().message();
  const std::map<std::string, int64_t> expected = {{"nothing but white", 1},
                                                   {"no white background", 1},
                                                   {"object is too small", 1},
                                                   {"picture cannot be read", 1}};
  EXPECT_EQ(report->passed_over, expected);
  EXPECT_EQ(report->objects, 5);
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find("broken"), std::string::npos) << said_[0];
}

TEST_F(SynthesizeTest, SamplesWithoutNotesAreNamedByTheirCaptions) {
  members_.clear();
  add("ball", {.rgb = {222, 36, 40}});
  add("box", {.kind = ShapeKind::square, .rgb = {40, 104, 224}});
  shards::ShardMembers bare;
  for (const auto& [name, data] : members_) {
    if (!name.ends_with(".json")) bare.emplace_back(name, data);
  }
  shards::write_shard(folder_ / "bare.tar", bare);
  ASSERT_TRUE(run(config({{"shards", {"bare.tar"}}, {"kinds", {{"two", 1}}}})));
  for (const WrittenScene& scene : read(folder_ / "out")) {
    EXPECT_TRUE(scene.caption == "a drawing of a ball and a drawing of a box" ||
                scene.caption == "a drawing of a box and a drawing of a ball")
        << scene.caption;
  }
}

TEST_F(SynthesizeTest, OddNotesAndCaptionsDoNoHarm) {
  members_.clear();
  add("ball", {.rgb = {222, 36, 40}});
  const std::string png = members_.front().second;
  add("box", {.kind = ShapeKind::square, .rgb = {40, 104, 224}});
  const std::string odd[] = {
      "",
      "{",
      "[]",
      "null",
      R"({"name": 3, "captions": {}, "style": []})",
      R"({"name": "", "captions": ["", 7, null]})",
      R"({"style": "drawing", "name": "\u0000"})",
      "{\"name\": \"\xff\xfe\"}",
      std::string(100000, '['),
      R"({"name": "drawing"})",
      R"({"style": "drawing", "name": "a", "author": {"x": 1}, "licence": null})"};
  for (const std::string& notes : odd) {
    const std::string key = "odd" + std::to_string(members_.size());
    members_.emplace_back(key + ".png", png);
    members_.emplace_back(key + ".txt", notes.size() % 2 == 0 ? "a drawing of a ball\xff" : notes);
    members_.emplace_back(key + ".json", notes);
  }
  shards::write_shard(folder_ / "odd.tar", members_);
  const auto report = run(config({{"shards", {"odd.tar"}}, {"kinds", {{"two", 1}, {"sizes", 1}}}}));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(read(folder_ / "out").size(), 20u);
}

TEST_F(SynthesizeTest, WhatIsWrongIsToldAndNothingIsLeft) {
  const auto says = [&](const SynthesizeConfig& c, const std::string& words) {
    const auto report = run(c);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message().find(words), std::string::npos) << report.error().message();
    EXPECT_FALSE(fs::exists(c.out.string() + ".partial"));
  };
  says(config({{"where", {{"style", {"photo"}}}}}), "\"photo\"; they have drawing");
  says(config({{"where", {{"group", {"x"}}}}}), "group");
  says(config({{"min_coverage", 0.9}}), "6 object is too small");
  says(config({{"shards", {"none.tar"}}}), "none.tar: no such file");
  cancel_ = true;
  says(config(), "cancelled");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  cancel_ = false;
  fs::create_directory(folder_ / "out");
  EXPECT_TRUE(run(config())) << "an empty folder is none";
  says(config(), "not empty");
}

TEST_F(SynthesizeTest, AKindThatNoObjectFitsIsNamed) {
  members_.clear();
  add("ball", {.rgb = {222, 36, 40}});
  shards::write_shard(folder_ / "one.tar", members_);
  const auto report = run(config({{"shards", {"one.tar"}}}));
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("kinds: two"), std::string::npos);
  EXPECT_TRUE(run(config({{"shards", {"one.tar"}}, {"kinds", {{"counts", 2}, {"colours", 1}}}})));
}

TEST(SynthesizeConfig, TellsAllThatIsWrong) {
  const auto complaint = [](const json& changes) {
    json all = {{"shards", {"a.tar"}}, {"out", "out"}};
    all.update(changes);
    const auto config = SynthesizeConfig::parse(all, "/c/config.json");
    return config ? std::string() : config.error().message();
  };
  EXPECT_EQ(complaint(json::object()), "");
  EXPECT_NE(complaint({{"scnes", 3}}).find("did you mean \"scenes\""), std::string::npos);
  EXPECT_NE(complaint({{"kinds", {{"count", 3}}}}).find("did you mean \"counts\""),
            std::string::npos);
  EXPECT_NE(complaint({{"kinds", {{"counts", 0}}}}).find("kinds"), std::string::npos);
  EXPECT_NE(complaint({{"kinds", {{"counts", -1}, {"two", 1}}}}).find("counts"), std::string::npos);
  EXPECT_NE(complaint({{"kinds", 3}}).find("kinds"), std::string::npos);
  EXPECT_NE(complaint({{"quality", 101}, {"scenes", 0}}).find("scenes"), std::string::npos);
  EXPECT_NE(complaint({{"shards", json::array()}}).find("shards"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::data
