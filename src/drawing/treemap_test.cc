#include "drawing/treemap.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgefusion::drawing {
namespace {

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

TEST(Treemap, BoxesFillTheAreaInProportionAndDoNotOverlap) {
  const std::vector<double> weights = {3, 0, 6, 2, 6, 4, 1e-6, 2, 1};
  const Box area = {10, 20, 600, 400};
  const auto boxes = treemap(weights, area);
  ASSERT_EQ(boxes.size(), weights.size());
  double total = 0, sum = 0;
  for (const double weight : weights) total += weight;
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_NEAR(boxes[i].area(), weights[i] / total * area.area(), 1e-6) << i;
    sum += boxes[i].area();
    if (weights[i] == 0) continue;
    EXPECT_GE(boxes[i].x, area.x - 1e-9);
    EXPECT_GE(boxes[i].y, area.y - 1e-9);
    EXPECT_LE(boxes[i].x + boxes[i].width, area.x + area.width + 1e-6);
    EXPECT_LE(boxes[i].y + boxes[i].height, area.y + area.height + 1e-6);
    for (size_t j = 0; j < i; ++j) EXPECT_LT(overlap(boxes[i], boxes[j]), 1e-3) << i << " " << j;
  }
  EXPECT_NEAR(sum, area.area(), 1e-6);
}

TEST(Treemap, DrawsTheExampleOfThePaper) {
  // Figure 4: 6, 6, 4, 3, 2, 2, 1 in 6 x 4; the first two stand above each other, 3 wide.
  const std::vector<double> weights = {6, 6, 4, 3, 2, 2, 1};
  const auto boxes = treemap(weights, {0, 0, 6, 4});
  EXPECT_NEAR(boxes[0].width, 3, 1e-9);
  EXPECT_NEAR(boxes[0].height, 2, 1e-9);
  EXPECT_NEAR(boxes[1].y, 2, 1e-9);
  EXPECT_NEAR(boxes[2].x, 3, 1e-9);
  EXPECT_NEAR(boxes[2].height, 7.0 / 3, 1e-9);
  EXPECT_NEAR(boxes[2].width, 12.0 / 7, 1e-9);
}

TEST(Treemap, NothingGivesNothing) {
  EXPECT_TRUE(treemap({}, {0, 0, 5, 5}).empty());
  const std::vector<double> zeros = {0, 0};
  for (const Box& box : treemap(zeros, {0, 0, 5, 5})) EXPECT_EQ(box.area(), 0);
}

}  // namespace
}  // namespace edgefusion::drawing
