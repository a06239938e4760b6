#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

TEST(RemoveIdentities, MergesReshapesAndDropsThoseThatChangeNothing) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {2, 6});
  const ValueId there = g.reshape(g.reshape(x, {12}), {3, 4});
  const ValueId back = g.reshape(there, {2, 6});
  g.output("sum", g.add(x, back));
  g.output("tokens", g.affine(there, 2, 0));
  Graph graph = *g.finish();
  EXPECT_GT(remove_identities(graph), 0);
  EXPECT_EQ(graph.dump(),
            "graph net\n"
            "x = input () -> [2,6]\n"
            "x:reshape:2 = reshape (x) -> [3,4]\n"
            "sum = add (x, x) -> [2,6]\n"
            "tokens = affine scale=2 shift=0 (x:reshape:2) -> [3,4]\n"
            "outputs sum, tokens\n");
}

TEST(RemoveIdentities, DropsNeutralAffinesAndWholeSlices) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {2, 6});
  g.output("y", g.silu(g.slice(g.affine(x, 1, 0), 1, 0, 6)));
  Graph graph = *g.finish();
  EXPECT_EQ(remove_identities(graph), 2);
  EXPECT_EQ(graph.nodes().size(), 2u);
}

TEST(RemoveIdentities, KeepsOutputsAndWhatDoesSomething) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {2, 6});
  g.output("copy", x);
  g.output("y", g.silu(g.slice(g.affine(x, 1, 0.5f), 1, 0, 5)));
  Graph graph = *g.finish();
  EXPECT_EQ(remove_identities(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
