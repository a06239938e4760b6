#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/op_table.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kProjection("proj");

TEST(FuseGeglu, TakesTheGateUnderItsName) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 3, 4});
  g.output("y", g.geglu(g.linear(x, kProjection, 16)));
  Graph graph = *g.finish();
  const int64_t macs = graph_cost(graph).macs;
  EXPECT_EQ(fuse_geglu(graph), 1);
  EXPECT_EQ(graph.dump(),
            "graph net\n"
            "x = input () -> [1,3,4]\n"
            "proj.weight = weight tensors=proj.weight () -> [16,4]\n"
            "proj.bias = weight tensors=proj.bias () -> [16]\n"
            "y = linear geglu (x, proj.weight, proj.bias) -> [1,3,8]\n"
            "outputs y\n");
  EXPECT_EQ(graph_cost(graph).macs, macs);
}

TEST(FuseGeglu, IsTheLastThingALinearTakes) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 3, 8});
  g.output("sum", g.add(g.geglu(g.linear(x, kProjection, 16)), x));
  g.output("y", g.silu(g.geglu(g.linear(x, kProjection / "2", 16))));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_geglu(graph), 2);
  EXPECT_EQ(fuse_geglu(graph), 0);
  EXPECT_EQ(fuse_epilogue(graph), 0);
}

TEST(FuseGeglu, LeavesLinearsThatDoMoreThanMultiply) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 3, 8});
  g.output("activated", g.geglu(g.silu(g.linear(x, kProjection / "a", 16))));
  g.output("added", g.geglu(g.add(g.linear(x, kProjection / "b", 8), x)));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_epilogue(graph), 2);
  EXPECT_EQ(fuse_geglu(graph), 0);
}

TEST(FuseGeglu, KeepsProjectionsThatOthersSee) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 3, 4});
  const ValueId tapped = g.linear(x, kProjection / "a", 16);
  g.output("tap", tapped);
  const ValueId shared = g.linear(g.geglu(tapped), kProjection / "b", 8);
  g.output("y", g.add(g.geglu(shared), g.slice(shared, 2, 0, 4)));
  Graph graph = *g.finish();
  EXPECT_EQ(fuse_geglu(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
