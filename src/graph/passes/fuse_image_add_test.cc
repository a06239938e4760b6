#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kRoot;

struct Network {
  GraphBuilder g{"net", nullptr};
  ValueId x = g.input("x", {2, 4, 4, 8});
  ValueId time = g.input("time", {2, 6});
};

TEST(FuseImageAdd, TakesAVectorOfEachImageIntoTheConvolution) {
  Network n;
  n.g.output("y", n.g.silu(n.g.add(n.g.conv2d(n.x, kRoot / "conv", 6), n.time)));
  Graph graph = *n.g.finish();
  EXPECT_EQ(fuse_image_add(graph), 1);
  const Node& activation = graph.producer(graph.find("y"));
  const Node& conv = graph.producer(activation.input(0));
  ASSERT_EQ(conv.op, OpKind::conv2d);
  EXPECT_EQ(graph.value(conv.input(ConvSlots::image_add)).name, "time");
}

TEST(FuseImageAdd, LeavesAloneWhatSomebodyElseReads) {
  Network n;
  const ValueId conv = n.g.conv2d(n.x, kRoot / "conv", 6);
  n.g.output("y", n.g.add(conv, n.time));
  n.g.output("z", conv);
  Graph graph = *n.g.finish();
  EXPECT_EQ(fuse_image_add(graph), 0);
}

TEST(FuseImageAdd, LeavesAloneAVectorThatComesLater) {
  Network n;
  const ValueId conv = n.g.conv2d(n.x, kRoot / "conv", 6);
  n.g.output("y", n.g.add(conv, n.g.linear(n.time, kRoot / "proj", 6)));
  Graph graph = *n.g.finish();
  EXPECT_EQ(fuse_image_add(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
