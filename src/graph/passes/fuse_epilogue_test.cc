#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kRoot;

// One builder with a picture "x" to start from.
struct Network {
  GraphBuilder g{"net", nullptr};
  ValueId x = g.input("x", {1, 4, 4, 8});

  ValueId conv(const char* name, ValueId input) { return g.conv2d(input, kRoot / name, 8); }
  Graph finish(ValueId y) {
    g.output("y", y);
    return *g.finish();
  }
};

const Node& node_named(const Graph& graph, std::string_view name) {
  const ValueId id = graph.find(name);
  EXPECT_NE(id, kNoValue) << name;
  return graph.producer(id);
}

int count(const Graph& graph, OpKind op) {
  int found = 0;
  for (const Node& node : graph.nodes()) found += node.op == op ? 1 : 0;
  return found;
}

TEST(FuseEpilogue, TakesAnActivationUnderTheLastName) {
  Network n;
  Graph graph = n.finish(n.g.silu(n.conv("conv", n.x)));
  EXPECT_EQ(fuse_epilogue(graph), 1);
  const Node& y = node_named(graph, "y");
  EXPECT_EQ(y.op, OpKind::conv2d);
  EXPECT_EQ(y.as<Conv2dAttrs>().epilogue.activation, Activation::silu);
  EXPECT_FALSE(y.as<Conv2dAttrs>().epilogue.activation_after_residual);
  EXPECT_EQ(graph.find("conv"), kNoValue);
}

TEST(FuseEpilogue, TakesAResidualFromEitherSideOfTheAdd) {
  for (const bool conv_first : {true, false}) {
    Network n;
    const ValueId h = n.conv("conv", n.x);
    Graph graph = n.finish(conv_first ? n.g.add(h, n.x) : n.g.add(n.x, h));
    EXPECT_EQ(fuse_epilogue(graph), 1);
    EXPECT_EQ(node_named(graph, "y").input(ConvSlots::residual), graph.find("x"));
    EXPECT_EQ(count(graph, OpKind::add), 0);
  }
}

TEST(FuseEpilogue, TakesActivationThenResidual) {
  Network n;
  Graph graph = n.finish(n.g.add(n.g.silu(n.conv("conv", n.x)), n.x));
  EXPECT_EQ(fuse_epilogue(graph), 2);
  const Epilogue& epilogue = node_named(graph, "y").as<Conv2dAttrs>().epilogue;
  EXPECT_EQ(epilogue.activation, Activation::silu);
  EXPECT_FALSE(epilogue.activation_after_residual);
}

TEST(FuseEpilogue, TakesResidualThenActivation) {
  Network n;
  const ValueId sum = n.g.add(n.conv("conv", n.x), n.x);
  Graph graph = n.finish(n.g.activation(sum, Activation::relu));
  EXPECT_EQ(fuse_epilogue(graph), 2);
  const Node& y = node_named(graph, "y");
  EXPECT_TRUE(y.as<Conv2dAttrs>().epilogue.activation_after_residual);
  EXPECT_EQ(y.input(ConvSlots::residual), graph.find("x"));
}

TEST(FuseEpilogue, WorksOnLinearWithoutABias) {
  Network n;
  const ValueId h = n.g.linear(n.x, kRoot / "fc", 8, false);
  Graph graph = n.finish(n.g.add(h, n.x));
  EXPECT_EQ(fuse_epilogue(graph), 1);
  const Node& y = node_named(graph, "y");
  EXPECT_EQ(y.input(LinearSlots::bias), kNoValue);
  EXPECT_EQ(y.input(LinearSlots::residual), graph.find("x"));
}

TEST(FuseEpilogue, NeverTakesASecondResidualOrActivation) {
  Network n;
  const ValueId sum = n.g.add(n.g.add(n.conv("conv", n.x), n.x), n.x);
  Graph graph = n.finish(sum);
  EXPECT_EQ(fuse_epilogue(graph), 1);
  EXPECT_EQ(count(graph, OpKind::add), 1);

  Network twice;
  Graph activated = twice.finish(twice.g.silu(twice.g.silu(twice.conv("conv", twice.x))));
  EXPECT_EQ(fuse_epilogue(activated), 1);
  EXPECT_EQ(count(activated, OpKind::activation), 1);
}

TEST(FuseEpilogue, LetsTheLaterOfTwoConvolutionsAddTheEarlier) {
  Network n;
  const ValueId shortcut = n.conv("shortcut", n.x);
  Graph graph = n.finish(n.g.add(shortcut, n.conv("conv", n.x)));
  EXPECT_EQ(fuse_epilogue(graph), 1);
  const Node& y = node_named(graph, "y");
  EXPECT_EQ(y.input(ConvSlots::weight), graph.find("conv.weight"));
  EXPECT_EQ(y.input(ConvSlots::residual), graph.find("shortcut"));
}

TEST(FuseEpilogue, WaitsForNoResidualMadeLater) {
  Network n;
  const ValueId h = n.conv("conv", n.x);
  Graph graph = n.finish(n.g.add(h, n.g.affine(n.x, 2, 0)));
  EXPECT_EQ(fuse_epilogue(graph), 0);
}

TEST(FuseEpilogue, KeepsValuesThatOthersSee) {
  Network shared;
  const ValueId h = shared.conv("conv", shared.x);
  Graph graph = shared.finish(shared.g.mul(shared.g.silu(h), h));
  EXPECT_EQ(fuse_epilogue(graph), 0);

  Network tapped;
  const ValueId tap = tapped.conv("conv", tapped.x);
  tapped.g.output("tap", tap);
  Graph with_tap = tapped.finish(tapped.g.silu(tap));
  EXPECT_EQ(fuse_epilogue(with_tap), 0);

  Network doubled;
  const ValueId both = doubled.conv("conv", doubled.x);
  Graph sum_of_same = doubled.finish(doubled.g.add(both, both));
  EXPECT_EQ(fuse_epilogue(sum_of_same), 0);
}

TEST(FuseEpilogue, AddsNoBroadcastVectorsWeightsOrConstants) {
  Network n;
  const ValueId vector = n.g.slice(n.g.reshape(n.x, {16, 8}), 0, 0, 1);
  const ValueId per_item = n.g.add(n.conv("a", n.x), vector);
  const ValueId weight = n.g.weight(kRoot / "table", {1, 4, 4, 8});
  const ValueId constant = n.g.constant("c", Tensor({1, 4, 4, 8}, DType::f32));
  const ValueId with_weight = n.g.add(n.conv("b", per_item), weight);
  Graph graph = n.finish(n.g.add(n.conv("c", with_weight), constant));
  EXPECT_EQ(fuse_epilogue(graph), 0);
}

TEST(FuseEpilogue, AddsNoLargerOperandThanItsOwnOutput) {
  Network n;
  const ValueId one = n.g.linear(n.g.input("v", {1, 8}), kRoot / "fc", 8);
  Graph graph = n.finish(n.g.add(n.x, one));  // the linear is the vector that is repeated
  EXPECT_EQ(fuse_epilogue(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
