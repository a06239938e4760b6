#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kConv("conv");

Graph resized_and_convolved(int64_t height, int64_t width, int stride) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 6, 8});
  g.output("y", g.conv2d(g.resize_nearest(x, height, width), kConv, 8, {.stride = stride}));
  return *g.finish();
}

TEST(FuseUpsample, MovesADoublingIntoTheConvolution) {
  Graph graph = resized_and_convolved(8, 12, 1);
  EXPECT_EQ(fuse_upsample(graph), 1);
  const Node& y = graph.producer(graph.find("y"));
  EXPECT_TRUE(y.as<Conv2dAttrs>().upsample2x);
  EXPECT_EQ(y.input(ConvSlots::x), graph.find("x"));
  EXPECT_EQ(graph.nodes().size(), 4u);
}

TEST(FuseUpsample, LeavesOtherSizesAndStrides) {
  Graph uneven = resized_and_convolved(8, 13, 1);
  EXPECT_EQ(fuse_upsample(uneven), 0);
  Graph larger = resized_and_convolved(12, 18, 1);
  EXPECT_EQ(fuse_upsample(larger), 0);
  Graph strided = resized_and_convolved(8, 12, 2);
  EXPECT_EQ(fuse_upsample(strided), 0);
}

TEST(FuseUpsample, KeepsAnEnlargedPictureThatOthersSee) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 6, 8});
  const ValueId large = g.resize_nearest(x, 8, 12);
  g.output("y", g.add(g.conv2d(large, kConv, 8), large));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_upsample(graph), 0);
}

TEST(FuseUpsample, DoesNotMistakeAResidualForTheInput) {
  GraphBuilder g("net", nullptr);
  const ValueId large = g.resize_nearest(g.input("x", {1, 4, 6, 8}), 8, 12);
  g.output("y", g.add(g.conv2d(g.input("z", {1, 8, 12, 8}), kConv, 8), large));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_epilogue(graph), 1);
  EXPECT_EQ(fuse_upsample(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
