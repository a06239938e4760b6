#include "data/layout.h"

#include <gtest/gtest.h>

namespace edgefusion::data {
namespace {

bool apart(const Box& a, const Box& b) {
  return a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y ||
         b.y + b.height <= a.y;
}

void expect_good(const std::vector<Box>& boxes) {
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].x, 0);
    EXPECT_GE(boxes[i].y, 0);
    EXPECT_LE(boxes[i].x + boxes[i].width, 1);
    EXPECT_LE(boxes[i].y + boxes[i].height, 1);
    for (size_t j = 0; j < i; ++j) EXPECT_TRUE(apart(boxes[i], boxes[j]));
  }
}

TEST(Layout, BoxesLieInsideAndApart) {
  for (uint64_t scene = 0; scene < 2000; ++scene) {
    Dice dice(1, scene);
    const Extent wide{1, dice.between(0.1, 1)}, tall{dice.between(0.1, 1), 1};
    const Axis axis = scene % 2 == 0 ? Axis::across : Axis::down;
    const auto pair = in_order(wide.scaled(0.46), tall.scaled(0.46), axis, 0.2, dice);
    expect_good(pair);
    if (axis == Axis::across) {
      EXPECT_LT(pair[0].x + pair[0].width, pair[1].x);
    } else {
      EXPECT_LT(pair[0].y + pair[0].height, pair[1].y);
    }
    for (int count = 2; count <= 4; ++count) {
      const auto group = in_group(scene % 2 == 0 ? wide : tall, count, dice);
      EXPECT_EQ(group.size(), static_cast<size_t>(count));
      expect_good(group);
    }
    expect_good({in_middle(tall.scaled(0.9), 0.2, dice)});
  }
}

TEST(Layout, CornersAreCorners) {
  for (uint64_t scene = 0; scene < 200; ++scene) {
    Dice dice(2, scene);
    const Box box = at_border({0, 0, 0.4, 0.3}, -1, 1, dice);
    EXPECT_LT(box.x, 0.1);
    EXPECT_GT(box.y + box.height, 0.9);
    expect_good({box});
  }
}

TEST(Layout, TheSameDiceGiveTheSamePlaces) {
  Dice a(3, 7), b(3, 7), c(3, 8);
  EXPECT_EQ(a.between(0, 1), b.between(0, 1));
  EXPECT_NE(a.between(0, 1), c.between(0, 1));
}

}  // namespace
}  // namespace edgefusion::data
