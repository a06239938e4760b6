#include "core/mapped_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace edgefusion {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("ef_mapped_file_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  fs::path folder_;
};

TEST_F(MappedFileTest, ShowsTheBytesAndStillDoesAfterDroppingPages) {
  const std::string text(100000, 'x');
  const auto file = MappedFile::open(write("a", text));
  ASSERT_TRUE(file.has_value());
  file->drop_pages(0, text.size());
  file->drop_pages(50, 1 << 30);
  ASSERT_EQ(file->bytes().size(), text.size());
  EXPECT_EQ(static_cast<char>(file->bytes()[99999]), 'x');
}

TEST_F(MappedFileTest, AnEmptyFileIsAnEmptySpan) {
  const auto file = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, MissingFilesAndFoldersAreNamed) {
  const auto missing = MappedFile::open(folder_ / "nowhere");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  EXPECT_NE(missing.error().message().find("nowhere: No such file"), std::string::npos);
  const auto folder = MappedFile::open(folder_);
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().code(), ErrorCode::io);
}

TEST_F(MappedFileTest, TextOverTheLimitIsRefusedWithBothSizes) {
  const auto text = read_text_file(write("long", "12345"), 4);
  ASSERT_FALSE(text.has_value());
  EXPECT_NE(text.error().message().find("5 bytes, expected at most 4"), std::string::npos);
  EXPECT_EQ(*read_text_file(write("short", "1234"), 4), "1234");
}

}  // namespace
}  // namespace edgefusion
