#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

TEST(FoldConstants, ComputesChainsOfConstantsAhead) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 2});
  const ValueId c = g.constant("c", Tensor::from_f32({2}, {{1, 2}}));
  g.output("y", g.add(x, g.mul(g.affine(c, 2, 1), c)));
  Graph graph = *g.finish();
  EXPECT_EQ(fold_constants(graph), 2);
  ASSERT_EQ(graph.nodes().size(), 3u);
  const Node& y = graph.producer(graph.find("y"));
  const Node& folded = graph.producer(y.input(1));
  ASSERT_EQ(folded.op, OpKind::constant);
  const auto values = folded.as<ConstantAttrs>().data->values<float>();
  EXPECT_EQ(values[0], 3.0f);
  EXPECT_EQ(values[1], 10.0f);
}

TEST(FoldConstants, KeepsWeightsAndInputs) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 2});
  const ValueId c = g.constant("c", Tensor::from_f32({1, 2}, {{1, 2}}));
  const ValueId h = g.linear(c, WeightScope("fc"), 2);
  g.output("y", g.add(x, h));
  Graph graph = *g.finish();
  EXPECT_EQ(fold_constants(graph), 0);
}

TEST(FoldConstants, KeepsTheNameOfAConstantOutput) {
  GraphBuilder g("net", nullptr);
  g.output("y", g.constant("c", Tensor::from_f32({2}, {{1, 2}})));
  Graph graph = *g.finish();
  EXPECT_EQ(fold_constants(graph), 1);
  EXPECT_EQ(graph.dump(), "graph net\ny = constant () -> [2]\noutputs y\n");
}

TEST(FoldConstants, MakesNoConstantsOfMoreThan16MiB) {
  for (const int64_t height : {1024, 1025}) {
    GraphBuilder g("net", nullptr);
    const ValueId c = g.constant("c", Tensor({1, 1, 1, 1024}, DType::f32));
    g.output("y", g.resize_nearest(c, height, 4));  // 16 KiB a row
    Graph graph = *g.finish();
    EXPECT_EQ(fold_constants(graph), height == 1024 ? 1 : 0);
  }
}

}  // namespace
}  // namespace edgefusion::graph
