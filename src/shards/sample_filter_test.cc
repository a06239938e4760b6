#include "shards/sample_filter.h"

#include <gtest/gtest.h>

#include "core/config_fields.h"

namespace edgefusion::shards {
namespace {

using nlohmann::json;

TEST(SampleChoice, WantsWhatHasOneOfTheWordsInEveryFieldItHas) {
  const json notes = {{"style", "noto"}, {"group", "emoji"}, {"coverage", 0.5}};
  const auto wanted = [&](const SampleFilter& filter) { return SampleChoice(filter).wants(notes); };
  EXPECT_TRUE(wanted({}));
  EXPECT_TRUE(wanted({{"style", {"blob", "noto"}}}));
  EXPECT_TRUE(wanted({{"style", {"noto"}}, {"group", {"emoji"}}}));
  EXPECT_FALSE(wanted({{"style", {"noto"}}, {"group", {"icon"}}}));
  EXPECT_FALSE(wanted({{"style", {"blob"}}}));
  EXPECT_TRUE(wanted({{"coverage", {"0.7"}}}));  // no word
  EXPECT_TRUE(wanted({{"licence", {"MIT"}}}));
  EXPECT_TRUE(SampleChoice(SampleFilter{{"style", {"noto"}}}).wants(json()));
}

TEST(SampleChoice, TellsOfWordsThatNoSampleHad) {
  SampleChoice choice(SampleFilter{{"style", {"noto", "bolb"}}});
  EXPECT_TRUE(choice.wants({{"style", "noto"}}));
  EXPECT_FALSE(choice.wants({{"style", "blob"}}));
  const Status status = choice.check();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(),
            "where: style: expected words of the samples', found \"bolb\"; they have blob, noto");
  SampleChoice right(SampleFilter{{"style", {"noto"}}});
  EXPECT_TRUE(right.wants({{"style", "noto"}}));
  EXPECT_TRUE(right.check());
}

TEST(SampleFilter, IsReadFromAConfigAndChecked) {
  const auto read = [](const json& config) {
    ConfigFields fields(config, "config.json");
    const SampleFilter filter = read_sample_filter(fields);
    const Status status = fields.finish();
    return status ? std::to_string(filter.size()) : status.error().message();
  };
  EXPECT_EQ(read(json::object()), "0");
  EXPECT_EQ(read({{"where", {{"style", {"noto"}}, {"group", {"emoji", "icon"}}}}}), "2");
  EXPECT_NE(read({{"where", "noto"}}).find("where"), std::string::npos);
  EXPECT_NE(read({{"where", {{"style", "noto"}}}}).find("style"), std::string::npos);
  EXPECT_NE(read({{"where", {{"style", json::array()}}}}).find("a list of words"),
            std::string::npos);
}

}  // namespace
}  // namespace edgefusion::shards
