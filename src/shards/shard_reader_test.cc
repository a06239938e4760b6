#include "shards/shard_reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "core/testing/temporary_folder.h"
#include "shards/testing/write_shard.h"

namespace edgefusion::shards {
namespace {

namespace fs = std::filesystem;

class ShardReaderTest : public testing::Test {
 protected:
  fs::path write(const ShardMembers& members, bool compressed) const {
    const fs::path path = folder_ / (compressed ? "a.tar.gz" : "a.tar");
    write_shard(path, members, compressed);
    return path;
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

/// "key:extension=text,extension=text" of each sample.
std::vector<std::string> samples_of(const fs::path& path) {
  auto reader = ShardReader::open(path);
  if (!reader) return {reader.error().message()};
  std::vector<std::string> found;
  while (true) {
    const auto sample = reader->next();
    if (!sample) return found.push_back(sample.error().message()), found;
    if (!*sample) return found;
    std::string text = (*sample)->key;
    for (const auto& [extension, data] : (*sample)->members) {
      text += "," + extension + "=" + (*sample)->text(extension);
    }
    found.push_back(text);
  }
}

TEST_F(ShardReaderTest, NeighbouringMembersOfOneKeyAreASample) {
  const ShardMembers members = {{"a/0.txt", "an apple"}, {"a/0.webp", "W"},  {"a/", "/"},
                                {"a/1.webp", "X"},       {"README", "none"}, {".hidden", "none"},
                                {"a/1.txt", ""},         {"b.x.json", "{}"}};
  const std::vector<std::string> expected = {"a/0,txt=an apple,webp=W", "a/1,txt=,webp=X",
                                             "b,x.json={}"};
  EXPECT_EQ(samples_of(write(members, false)), expected);
  EXPECT_EQ(samples_of(write(members, true)), expected);
}

TEST_F(ShardReaderTest, LongNamesComeWhole) {
  const std::string key(180, 'k');
  EXPECT_EQ(samples_of(write({{key + ".txt", "t"}}, false)),
            std::vector<std::string>{key + ",txt=t"});
}

TEST_F(ShardReaderTest, AnEmptyArchiveHasNoSamples) {
  EXPECT_TRUE(samples_of(write({}, true)).empty());
}

TEST_F(ShardReaderTest, AShardCutShortGivesWhatIsWholeAndThenOneError) {
  const fs::path path = write({{"0.txt", "whole"}, {"1.txt", std::string(5000, 'x')}}, false);
  fs::resize_file(path, 512 * 4 + 100);
  const auto found = samples_of(path);
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.back().find(path.string()), std::string::npos) << found.back();
}

TEST_F(ShardReaderTest, WhatIsNoArchiveIsRefusedWithItsName) {
  EXPECT_NE(samples_of(folder_ / "none.tar").front().find("no such file"), std::string::npos);
  const fs::path path = folder_ / "text.tar";
  std::ofstream(path) << std::string(2000, 't');
  EXPECT_NE(samples_of(path).front().find(path.string()), std::string::npos);
}

}  // namespace
}  // namespace edgefusion::shards
