#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kNorm("norm");

TEST(FuseNormActivation, TakesTheActivationUnderItsName) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 8});
  g.output("y", g.silu(g.group_norm(x, kNorm, 2, 1e-5f)));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_norm_activation(graph), 1);
  const Node& y = graph.producer(graph.find("y"));
  EXPECT_EQ(y.op, OpKind::group_norm);
  EXPECT_EQ(y.as<GroupNormAttrs>().activation, Activation::silu);
  EXPECT_EQ(graph.nodes().size(), 4u);
}

TEST(FuseNormActivation, TakesOnlyOneOfSeveral) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 8});
  const ValueId h = g.silu(g.group_norm(x, kNorm, 2, 1e-5f));
  g.output("y", g.activation(h, Activation::relu));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_norm_activation(graph), 1);
  EXPECT_EQ(fuse_norm_activation(graph), 0);
}

TEST(FuseNormActivation, KeepsNormsThatOthersSee) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 8});
  const ValueId tapped = g.group_norm(x, kNorm, 2, 1e-5f);
  g.output("tap", tapped);
  const ValueId shared = g.group_norm(g.silu(tapped), kNorm, 4, 1e-5f);
  g.output("y", g.add(g.silu(shared), shared));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_norm_activation(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
