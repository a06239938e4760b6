#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kRoot;
constexpr ConvOptions kPointwise{.kernel = 1, .padding = 0};

// One builder with two pictures, and both joined, to start from.
struct Network {
  GraphBuilder g{"net", nullptr};
  ValueId x = g.input("x", {1, 4, 4, 6});
  ValueId skip = g.input("skip", {1, 4, 4, 2});
  ValueId joined = g.concat({x, skip});

  Graph finish(ValueId y) {
    g.output("y", y);
    return *g.finish();
  }
};

TEST(FuseConcat, GivesNormAndConvolutionsTwoSourcesEach) {
  Network n;
  const ValueId normed = n.g.group_norm(n.joined, kRoot / "norm", 4, 1e-5f);
  const ValueId h = n.g.conv2d(normed, kRoot / "conv", 3);
  const ValueId direct = n.g.conv2d(n.joined, kRoot / "direct", 3, {.bias = false});
  const ValueId shortcut = n.g.conv2d(n.joined, kRoot / "shortcut", 3, kPointwise);
  Graph graph = n.finish(n.g.add(n.g.add(h, direct), shortcut));
  EXPECT_EQ(fuse_concat(graph), 1);
  const std::string dump = graph.dump();
  EXPECT_EQ(dump.find("concat"), std::string::npos);
  for (const char* line :
       {"norm = group_norm groups=4 eps=1e-05 (x, norm.weight, norm.bias, skip) -> [1,4,4,8]\n",
        "direct = conv2d stride=1 pad=1,1,1,1 (x, direct.weight, -, -, skip) -> [1,4,4,3]\n",
        "shortcut = conv2d stride=1 pad=0,0,0,0 (x, shortcut.weight, shortcut.bias, -, skip)"
        " -> [1,4,4,3]\n"}) {
    EXPECT_NE(dump.find(line), std::string::npos) << dump;
  }
}

TEST(FuseConcat, KeepsAResidualBesideTheSecondSource) {
  Network n;
  const ValueId h = n.g.conv2d(n.joined, kRoot / "conv", 6);
  Graph graph = n.finish(n.g.add(h, n.x));
  EXPECT_EQ(fuse_concat(graph), 1);
  EXPECT_EQ(fuse_epilogue(graph), 1);
  const Node& y = graph.producer(graph.find("y"));
  EXPECT_EQ(y.input(ConvSlots::residual), graph.find("x"));
  EXPECT_EQ(y.input(ConvSlots::x2), graph.find("skip"));
}

TEST(FuseConcat, LeavesAJoinedPictureThatSomebodyNeedsWhole) {
  Network added;
  const ValueId h = added.g.conv2d(added.joined, kRoot / "conv", 8);
  Graph with_add = added.finish(added.g.add(h, added.joined));
  EXPECT_EQ(fuse_concat(with_add), 0);
  EXPECT_EQ(fuse_epilogue(with_add), 1);  // now the convolution needs it whole itself
  EXPECT_EQ(fuse_concat(with_add), 0);

  Network tapped;
  tapped.g.output("tap", tapped.joined);
  Graph with_tap = tapped.finish(tapped.g.conv2d(tapped.joined, kRoot / "conv", 8));
  EXPECT_EQ(fuse_concat(with_tap), 0);
}

TEST(FuseConcat, LeavesKernelsAndPartsNoConvolutionTakesInTwo) {
  Network large;
  Graph five = large.finish(large.g.conv2d(large.joined, kRoot / "conv", 8, {.kernel = 5}));
  EXPECT_EQ(fuse_concat(five), 0);

  Network three;
  const ValueId parts = three.g.concat({three.x, three.skip, three.skip});
  Graph of_three = three.finish(three.g.conv2d(parts, kRoot / "conv", 8));
  EXPECT_EQ(fuse_concat(of_three), 0);

  Network constant;
  const ValueId fixed = constant.g.constant("c", Tensor({1, 4, 4, 2}, DType::f32));
  const ValueId with_fixed = constant.g.concat({constant.x, fixed});
  Graph of_constant = constant.finish(constant.g.conv2d(with_fixed, kRoot / "conv", 8));
  EXPECT_EQ(fuse_concat(of_constant), 0);
}

TEST(FuseConcat, EnlargesNeitherOfTwoSources) {
  GraphBuilder g("net", nullptr);
  const ValueId large = g.resize_nearest(g.input("x", {1, 2, 2, 6}), 4, 4);
  const ValueId joined = g.concat({large, g.input("skip", {1, 4, 4, 2})});
  g.output("y", g.conv2d(joined, kRoot / "conv", 8));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_concat(graph), 1);
  EXPECT_EQ(fuse_upsample(graph), 0);

  Network n;
  Graph upsampled = n.finish(n.g.conv2d(n.g.resize_nearest(n.joined, 8, 8), kRoot / "conv", 8));
  EXPECT_EQ(fuse_upsample(upsampled), 1);
  EXPECT_EQ(fuse_concat(upsampled), 0);
}

TEST(FuseConcat, JoinsNoThirdSource) {
  Network n;
  const ValueId inner = n.g.concat({n.joined, n.skip});
  Graph graph = n.finish(n.g.conv2d(inner, kRoot / "conv", 8));
  EXPECT_EQ(fuse_concat(graph), 1);
  EXPECT_EQ(fuse_concat(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
