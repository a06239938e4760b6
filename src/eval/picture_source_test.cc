#include "eval/picture_source.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/testing/temporary_folder.h"
#include "eval/comparison_sheet.h"
#include "eval/testing/random_scorer.h"
#include "eval/text_lines.h"
#include "formats/png.h"
#include "shards/testing/write_shard.h"

namespace edgefusion::eval {
namespace {

namespace fs = std::filesystem;

using testing::picture;
using testing::write_text;

class PictureSourceTest : public ::testing::Test {
 protected:
  static std::string png(int width) {
    const auto bytes = *formats::encode_png(picture(width, 3, 9, 9));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// "width:caption" of each picture.
  std::vector<std::string> read(const fs::path& source, size_t most = 99) {
    std::vector<std::string> found;
    log_.clear();
    status_ = read_pictures(
        source, [&](LogLevel, std::string_view text) { log_ += std::string(text) + "\n"; },
        [&](CaptionedPicture sample) -> Result<bool> {
          found.push_back(std::to_string(sample.image.width) + ":" + sample.caption);
          return found.size() < most;
        });
    return found;
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::string log_;
  Status status_;
};

TEST_F(PictureSourceTest, AFolderIsReadInTheOrderOfNames) {
  write_text(folder_ / "b.png", png(2));
  write_text(folder_ / "a.png", png(1));
  write_text(folder_ / "a.txt", "a red fox\r\nmore");
  write_text(folder_ / "c.webp", "no picture");
  write_text(folder_ / "notes.md", "nothing");
  EXPECT_EQ(read(folder_), (std::vector<std::string>{"1:a red fox", "2:"}));
  EXPECT_TRUE(status_);
  EXPECT_NE(log_.find("c.webp"), std::string::npos);
  EXPECT_EQ(read(folder_, 1).size(), 1u);
}

TEST_F(PictureSourceTest, AShardIsReadInItsOrder) {
  shards::write_shard(folder_ / "a.tar", {{"7.png", png(4)},
                                          {"7.txt", "seven"},
                                          {"8.txt", "no picture"},
                                          {"3.png", png(5)},
                                          {"3.json", R"({"captions": ["three"]})"}});
  EXPECT_EQ(read(folder_ / "a.tar"), (std::vector<std::string>{"4:seven", "5:three"}));
  EXPECT_TRUE(status_);
  EXPECT_NE(log_.find("8: no picture"), std::string::npos);
}

TEST_F(PictureSourceTest, NothingToSeeIsAnError) {
  read(folder_);
  ASSERT_FALSE(status_);
  EXPECT_NE(status_.error().message().find("no picture that can be used"), std::string::npos);
  read(folder_ / "none.tar");
  ASSERT_FALSE(status_);
  EXPECT_NE(status_.error().message().find("none.tar"), std::string::npos);
  write_text(folder_ / "bad.tar", "not an archive at all");
  read(folder_ / "bad.tar");
  ASSERT_FALSE(status_);
}

TEST_F(PictureSourceTest, LinesAreTextsEachOnce) {
  write_text(folder_ / "a.txt", "  a fox \r\n\n\ta house\na fox\nlast");
  const auto lines = read_text_lines(folder_ / "a.txt");
  ASSERT_TRUE(lines) << lines.error().message();
  EXPECT_EQ(*lines, (std::vector<std::string>{"a fox", "a house", "last"}));
  write_text(folder_ / "b.txt", "fine\nbroken \xff\n");
  const auto broken = read_text_lines(folder_ / "b.txt");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message().find("b.txt: line 2"), std::string::npos);
  write_text(folder_ / "c.txt", " \n\n");
  EXPECT_FALSE(read_text_lines(folder_ / "c.txt"));
  EXPECT_FALSE(read_text_lines(folder_ / "none.txt"));
}

TEST_F(PictureSourceTest, ASheetScalesLargerPicturesToTheSmallest) {
  const std::vector<formats::Image> real = {picture(64, 64, 9, 9), picture(64, 64, 99, 9)};
  const std::vector<formats::Image> painted = {picture(32, 32, 9, 9), picture(32, 32, 9, 99)};
  const std::vector<std::string> prompts = {"a fox", "a very long prompt \xf0\x9f\xa6\x8a"};
  const std::vector<SheetColumn> columns = {{"real", real}, {"2 steps", painted}};
  const auto sheet = comparison_sheet(prompts, columns, "model");
  const std::vector<SheetColumn> alike = {columns[1], columns[1]};
  const auto expected = comparison_sheet(prompts, alike, "model");
  ASSERT_TRUE(sheet && expected);
  EXPECT_EQ(sheet->height, expected->height);
  EXPECT_EQ(sheet->width, expected->width);
  const auto small = comparison_sheet(prompts, columns, "model", 16);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->width, sheet->width - 2 * 16);
}

TEST_F(PictureSourceTest, OneColumnBecomesASquareOfPictures) {
  const std::vector<formats::Image> painted(5, picture(32, 32, 9, 9));
  const std::vector<std::string> prompts(5, "a fox");
  const std::vector<SheetColumn> columns = {{"2 steps", painted}};
  const auto five = comparison_sheet(prompts, columns, "");
  const auto one = comparison_sheet(std::span(prompts).first(1), columns, "");
  ASSERT_TRUE(five && one);
  EXPECT_EQ(five->width, 3 * 32 + 4 * 10);  // three in a row, two rows
  EXPECT_GT(five->height, 2 * 32);
  EXPECT_LT(five->height, 3 * 32 + 60);
  EXPECT_LT(one->width, five->width);
}

}  // namespace
}  // namespace edgefusion::eval
