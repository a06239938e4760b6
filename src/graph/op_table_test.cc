#include "graph/op_table.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "graph/builder.h"

namespace edgefusion::graph {
namespace {

TEST(OpTable, HasOneCompleteRowPerKindInItsPlace) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < op_table().size(); ++i) {
    const OpInfo& info = op_table()[i];
    EXPECT_EQ(static_cast<size_t>(info.kind), i) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.infer && info.macs && info.evaluate && info.describe) << info.name;
  }
  EXPECT_EQ(op_table().size(), static_cast<size_t>(OpKind::convert) + 1);
  EXPECT_EQ(op_info(OpKind::attention).name, "attention");
}

TEST(GraphCost, AddsUpProductsAndBytesOfAllNodes) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 2});
  const ValueId y = g.conv2d(x, WeightScope("conv"), 3);  // 16 x 3 outputs of 18 products
  g.output("y", g.silu(g.reshape(y, {1, 16, 3})));
  const Graph graph = *g.finish();
  const NodeCost cost = graph_cost(graph);
  EXPECT_EQ(cost.macs, 48 * 18);
  EXPECT_EQ(cost.bytes_read, 4 * ((32 + 54 + 3) + 48));
  EXPECT_EQ(cost.bytes_written, 4 * (48 + 48));
}

TEST(OpClass, TellsConvolutionsApartByTheirKernel) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 2});
  const ValueId wide = g.conv2d(x, WeightScope("a"), 3);
  g.output("y", g.silu(g.conv2d(wide, WeightScope("b"), 3, {.kernel = 1, .padding = 0})));
  const Graph graph = *g.finish();
  EXPECT_EQ(op_class(graph, graph.producer(graph.find("a"))), "conv3x3");
  EXPECT_EQ(op_class(graph, graph.producer(graph.find("b"))), "conv1x1");
  EXPECT_EQ(op_class(graph, graph.producer(graph.find("y"))), "activation");
}

TEST(GraphCost, CountsOfAnEmbeddingOnlyTheRowsItReads) {
  GraphBuilder g("net", nullptr);
  const ValueId ids = g.input("ids", {1, 5}, DType::i32);
  g.output("y", g.embedding(ids, WeightScope("table"), 49408, 8));
  const Graph graph = *g.finish();
  EXPECT_EQ(graph_cost(graph).bytes_read, 4 * (5 + 5 * 8));
}

TEST(GraphCost, CountsAValueInSeveralSlotsOnce) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 5, 6});
  g.output("y", g.attention({x, x, x, kNoValue}, {.heads = 2}));
  const Graph graph = *g.finish();
  EXPECT_EQ(graph_cost(graph).bytes_read, 4 * 5 * 6);
}

TEST(GraphCost, StaysAtTheLargestNumberInsteadOfOverflowing) {
  GraphBuilder g("net", nullptr);
  const int64_t width = int64_t{1} << 16;  // 2^53 products a node, the most that is allowed
  ValueId x = g.input("x", {int64_t{1} << 21, width});
  for (int i = 0; i < 1100; ++i) x = g.linear(x, WeightScope("w"), width, false);
  g.output("y", x);
  const Graph graph = *g.finish();
  EXPECT_EQ(graph_cost(graph).macs, std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace edgefusion::graph
