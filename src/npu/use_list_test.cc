#include "npu/use_list.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace edgefusion::npu {
namespace {

/// All levels of boxes, grown and shrunk, against a plain list.
TEST(UseList, FindsAndForgetsWhatAPlainListWould) {
  std::mt19937 random(1);
  const auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  UseList list;
  std::vector<UseList::Use> plain;
  size_t most = 0, found = 0;
  for (int32_t i = 0; i < 6000; ++i) {
    // Tiles mostly in order, sometimes anywhere; overwritten seldom at first, then often.
    const int64_t line = pick(0, 20) == 0 ? pick(0, 300) : i % 300, channel = pick(0, 60);
    const Box box = {{0, line, 0, channel}, {1, line + pick(1, 3), 2, channel + pick(1, 4)}};
    std::multiset<int32_t> told, expected;
    const auto tell = [&](int32_t command) { told.insert(command); };
    for (const UseList::Use& use : plain) {
      if (use.box.overlaps(box)) expected.insert(use.command);
    }
    if (pick(0, i < 5000 ? 9 : 1) == 0) {
      const Box wide = box.with(kChannels, 0, 70);
      for (const UseList::Use& use : plain) {
        if (use.box.overlaps(wide) && !use.box.overlaps(box)) expected.insert(use.command);
      }
      list.overwrite(wide, tell);
      std::erase_if(plain, [&](const UseList::Use& use) { return wide.contains(use.box); });
    } else {
      list.visit(box, tell);
      list.add(i, box);
      plain.push_back({i, box});
    }
    ASSERT_EQ(told, expected) << i;
    ASSERT_EQ(list.all().size(), plain.size());
    most = std::max(most, plain.size());
    found += told.size();
  }
  EXPECT_GT(most, 16u * 16u);  // boxes around boxes around boxes
  EXPECT_GT(found, 1000u);
  list.overwrite({{0, 0, 0, 0}, {1, 400, 2, 100}}, [](int32_t) {});
  EXPECT_TRUE(list.all().empty());
  list.visit({{0, 0, 0, 0}, {1, 400, 2, 100}}, [](int32_t) { ADD_FAILURE(); });
  list.add(7, {{0, 5, 0, 0}, {1, 6, 1, 1}});
  int32_t last = -1;
  list.visit({{0, 0, 0, 0}, {1, 400, 2, 100}}, [&](int32_t command) { last = command; });
  EXPECT_EQ(last, 7);
}

}  // namespace
}  // namespace edgefusion::npu
