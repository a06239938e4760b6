#include "quant/prompt_split.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgefusion::quant {
namespace {

std::vector<std::string> numbered(size_t count) {
  std::vector<std::string> prompts;
  for (size_t i = 0; i < count; ++i) prompts.push_back(std::to_string(i));
  return prompts;
}

TEST(SplitPrompts, NoPromptBothCalibratesAndChecks) {
  for (size_t all = 2; all < 40; ++all) {
    for (size_t count = 0; count <= all + 1; ++count) {
      const PromptSplit split = split_prompts(numbered(all), count, 8);
      ASSERT_FALSE(split.calibration.empty()) << all << " " << count;
      ASSERT_FALSE(split.check.empty()) << all << " " << count;
      ASSERT_LE(split.check.size(), 8u);
      for (const std::string& prompt : split.check) {
        ASSERT_EQ(std::ranges::count(split.calibration, prompt), 0) << all << " " << count;
      }
    }
  }
}

TEST(SplitPrompts, TheRestChecksWhereThereIsOne) {
  const PromptSplit split = split_prompts(numbered(100), 16, 8);
  EXPECT_EQ(split.calibration, numbered(16));
  EXPECT_EQ(split.check.front(), "92");
  EXPECT_EQ(split.check.back(), "99");
  EXPECT_EQ(split_prompts(numbered(256), 0, 8).calibration.size(), 248u);
}

TEST(SplitPrompts, ASingleOneDoesBoth) {
  const PromptSplit split = split_prompts(numbered(1), 0, 8);
  EXPECT_EQ(split.calibration, split.check);
}

}  // namespace
}  // namespace edgefusion::quant
