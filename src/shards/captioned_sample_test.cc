#include "shards/captioned_sample.h"

#include <gtest/gtest.h>

#include <span>

#include "formats/png.h"

namespace edgefusion::shards {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

TEST(CaptionedSample, TheTextComesFirstThenTheNotes) {
  ShardSample sample{.key = "a", .members = {}};
  EXPECT_TRUE(captions_of(sample).empty());
  sample.members["json"] = bytes_of(R"({"captions": ["a fox", 7, "clip art of a fox"]})");
  EXPECT_EQ(captions_of(sample), (std::vector<std::string>{"a fox", "clip art of a fox"}));
  sample.members["txt"] = bytes_of("a red fox");
  EXPECT_EQ(captions_of(sample).front(), "a red fox");
  sample.members["json"] = bytes_of(R"({"captions": "no list"})");
  EXPECT_EQ(captions_of(sample).size(), 1u);
  sample.members["json"] = bytes_of("{broken");
  EXPECT_EQ(captions_of(sample).size(), 1u);
}

TEST(CaptionedSample, SpaceIsCutAndWhatIsNoTextIsLeftOut) {
  ShardSample sample{.key = "a", .members = {}};
  sample.members["txt"] = bytes_of(" a red fox \r\n");
  EXPECT_EQ(captions_of(sample), std::vector<std::string>{"a red fox"});
  for (const char* none : {"", " \n", "\xff\xfe fox"}) {
    sample.members["txt"] = bytes_of(none);
    EXPECT_TRUE(captions_of(sample).empty()) << none;
  }
}

TEST(CaptionedSample, APictureIsFoundByItsExtensionAndCheckedByItsBytes) {
  ShardSample sample{.key = "a", .members = {}};
  const auto none = picture_of(sample);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("a: no picture"), std::string::npos);
  const formats::Image red{.width = 1, .height = 2, .channels = 3, .pixels = {9, 0, 0, 9, 0, 0}};
  sample.members["png"] = *formats::encode_png(red);
  const auto found = picture_of(sample);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->height, 2);
  const auto large = picture_of(sample, 1);
  ASSERT_FALSE(large);
  sample.members["webp"] = bytes_of("no webp");
  const auto broken = picture_of(sample);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message().find("a.webp"), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::shards
