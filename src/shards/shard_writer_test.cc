#include "shards/shard_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <vector>

#include "core/testing/temporary_folder.h"
#include "shards/shard_reader.h"

namespace edgefusion::shards {
namespace {

namespace fs = std::filesystem;

class ShardWriterTest : public testing::Test {
 protected:
  Status write(const fs::path& path, const std::string& first) const {
    EF_TRY(ShardWriter writer, ShardWriter::create(path));
    EF_TRY_STATUS(writer.add("0", "txt", first));
    EF_TRY_STATUS(writer.add("0", "json", std::string()));
    EF_TRY_STATUS(writer.add("a/" + std::string(150, 'k'), "txt", std::string("b\0c", 3)));
    return writer.commit();
  }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
};

TEST_F(ShardWriterTest, TheReaderGivesBackWhatWasWritten) {
  for (const char* name : {"a.tar", "a.tar.gz"}) {
    const Status status = write(folder_ / name, "an apple");
    ASSERT_TRUE(status) << status.error().message();
    auto reader = ShardReader::open(folder_ / name);
    ASSERT_TRUE(reader) << reader.error().message();
    const auto first = *reader->next();
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->key, "0");
    EXPECT_EQ(first->text("txt"), "an apple");
    EXPECT_TRUE(first->members.contains("json"));
    const auto second = *reader->next();
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->key, "a/" + std::string(150, 'k'));
    EXPECT_EQ(second->text("txt"), std::string("b\0c", 3));
    EXPECT_FALSE((*reader->next()).has_value());
  }
  EXPECT_EQ(content(folder_ / "a.tar.gz").substr(0, 2), "\x1f\x8b");
  EXPECT_NE(content(folder_ / "a.tar").substr(0, 2), "\x1f\x8b");
}

TEST_F(ShardWriterTest, TheSameMembersGiveTheSameBytes) {
  ASSERT_TRUE(write(folder_ / "a.tar.gz", "x"));
  ASSERT_TRUE(write(folder_ / "b.tar.gz", "x"));
  const std::string bytes = content(folder_ / "a.tar.gz");
  EXPECT_EQ(bytes, content(folder_ / "b.tar.gz"));
  EXPECT_EQ(bytes.substr(4, 4), std::string(4, '\0')) << "no time in the header of gzip";
}

TEST_F(ShardWriterTest, WithoutACommitNothingIsThere) {
  {
    auto writer = ShardWriter::create(folder_ / "a.tar");
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add("0", "txt", std::string(100000, 'x')));
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(ShardWriterTest, NamesThatWouldNotComeBackAreRefused) {
  auto writer = ShardWriter::create(folder_ / "a.tar");
  ASSERT_TRUE(writer);
  for (const char* key : {"", "a/", "a.b", ".a"}) {
    EXPECT_FALSE(writer->add(key, "txt", std::string("x"))) << key;
  }
  EXPECT_FALSE(writer->add("a", "", std::string("x")));
  EXPECT_TRUE(writer->add("a.b/c", "txt", std::string("x")));
}

TEST_F(ShardWriterTest, AFullDiskIsToldWithTheName) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small = {4096, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  auto writer = ShardWriter::create(folder_ / "a.tar");
  ASSERT_TRUE(writer);
  Status status = writer->add("0", "bin", std::string(200000, 'x'));
  if (status) status = writer->commit();
  setrlimit(RLIMIT_FSIZE, &old);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::resource_exhausted) << status.error().message();
  EXPECT_NE(status.error().message().find("a.tar"), std::string::npos);
  *writer = std::move(*ShardWriter::create(folder_ / "b.tar"));
  EXPECT_FALSE(fs::exists(folder_ / "a.tar"));
  EXPECT_FALSE(ShardWriter::create(folder_ / "no" / "a.tar"));
}

}  // namespace
}  // namespace edgefusion::shards
