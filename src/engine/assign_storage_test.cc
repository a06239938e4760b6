#include "engine/assign_storage.h"

#include <gtest/gtest.h>

#include "graph/builder.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::GraphBuilder;
using graph::OpKind;
using graph::ValueId;
using graph::WeightScope;

/// A first convolution, a time embedding, a block in the middle, a last convolution, an affine.
Graph small_network() {
  GraphBuilder g("small", nullptr);
  const WeightScope w;
  const ValueId x = g.input("x", {1, 8, 8, 4});
  const ValueId t = g.input("t", {1});
  const ValueId time = g.linear(g.timestep_embedding(t, {.dim = 32}), w / "time", 32);
  const ValueId in = g.conv2d(x, w / "conv_in", 32);
  ValueId h = g.conv2d(g.silu(g.group_norm(in, w / "norm", 8, 1e-5f)), w / "conv1", 32);
  h = g.add(g.add(h, time), in);
  g.output("image", g.affine(g.conv2d(h, w / "conv_out", 3), 2.0f, -1.0f));
  return *g.finish();
}

DType type_of(const Graph& graph, std::string_view name) {
  const ValueId id = graph.find(name);
  EXPECT_NE(id, graph::kNoValue) << name;
  return id == graph::kNoValue ? DType::boolean : graph.value(id).dtype;
}

TEST(AssignStorage, PicturesAreHalvedAndTheEdgesStayExact) {
  const Graph graph = assign_storage(small_network(), Precision::bf16);
  EXPECT_EQ(type_of(graph, "x"), DType::f32);
  EXPECT_EQ(type_of(graph, "conv_in"), DType::f32);  // four channels: costs nothing in f32
  EXPECT_EQ(type_of(graph, "conv_in:bf16"), DType::bf16);
  EXPECT_EQ(type_of(graph, "norm"), DType::bf16);
  EXPECT_EQ(type_of(graph, "conv1"), DType::bf16);
  EXPECT_EQ(type_of(graph, "time"), DType::f32);
  EXPECT_EQ(type_of(graph, "conv_out"), DType::f32);  // only an affine before the output
  EXPECT_EQ(type_of(graph, "image"), DType::f32);
}

TEST(AssignStorage, AValueIsConvertedOnceForAllItsUsers) {
  const Graph graph = assign_storage(small_network(), Precision::bf16);
  int conversions_of_conv_in = 0;
  for (const auto& node : graph.nodes()) {
    if (node.op != OpKind::convert) continue;
    conversions_of_conv_in += graph.value(node.input(0)).name == "conv_in" ? 1 : 0;
  }
  EXPECT_EQ(conversions_of_conv_in, 1);
}

TEST(AssignStorage, AnOutputInHalfPrecisionIsConvertedUnderItsOwnName) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 7, 64});
  g.output("y", g.layer_norm(g.linear(x, WeightScope("proj"), 64), WeightScope("norm"), 1e-5f));
  const Graph graph = assign_storage(*g.finish(), Precision::bf16);
  ASSERT_EQ(graph.outputs().size(), 1U);
  const graph::Value& output = graph.value(graph.outputs()[0]);
  EXPECT_EQ(output.name, "y");
  EXPECT_EQ(output.dtype, DType::f32);
  EXPECT_EQ(graph.producer(graph.outputs()[0]).op, OpKind::convert);
}

TEST(AssignStorage, InFullPrecisionNothingChanges) {
  EXPECT_EQ(assign_storage(small_network(), Precision::f32).dump(), small_network().dump());
}

}  // namespace
}  // namespace edgefusion::engine
