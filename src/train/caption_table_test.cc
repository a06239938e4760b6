#include "train/caption_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgefusion::train {
namespace {

using Captions = std::vector<std::vector<std::string>>;

CaptionTable table_of(const Captions& captions) {
  return CaptionTable(
      static_cast<int64_t>(captions.size()),
      [&](int64_t i) -> const std::vector<std::string>& { return captions[size_t(i)]; });
}

TEST(CaptionTable, TextsAreKeptOnceWithTheMainOneFirst) {
  const CaptionTable table =
      table_of({{"a 3D fox", "fox", "a 3D fox"}, {"clip art of a fox", "fox"}, {"apple"}});
  EXPECT_EQ(table.texts(),
            (std::vector<std::string>{"a 3D fox", "fox", "clip art of a fox", "apple"}));
  EXPECT_TRUE(std::ranges::equal(table.of(0), std::vector<int64_t>{0, 1}));
  EXPECT_TRUE(std::ranges::equal(table.of(1), std::vector<int64_t>{2, 1}));
}

TEST(CaptionTable, PicturesWithATextInCommonAreKin) {
  const CaptionTable table = table_of({{"a", "fox"}, {"b", "fox"}, {"apple"}, {"pear", "b"}});
  const std::vector<int64_t> rows = {0, 1}, columns = {1, 2, 3, 0};
  EXPECT_EQ(table.kinship(rows, columns), (std::vector<uint8_t>{1, 0, 0, 1, 1, 0, 1, 1}));
  EXPECT_EQ(table.unrelated(std::vector<int64_t>{1, 0, 3, 2}, 9), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(table.unrelated(std::vector<int64_t>{0, 3, 2}, 2), (std::vector<int64_t>{0, 3}));
}

}  // namespace
}  // namespace edgefusion::train
