#include "graph/graph.h"

#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/quantization.h"

namespace edgefusion::graph {
namespace {

Graph small_network() {
  GraphBuilder g("demo", nullptr);
  const WeightScope w("down");
  const ValueId x = g.input("sample", {1, 8, 8, 4});
  const ValueId ids = g.input("ids", {1, 77}, DType::i32);
  const ValueId h = g.conv2d(x, w / "conv", 8, {.stride = 2});
  const ValueId normed = g.silu(g.group_norm(h, w / "norm", 4, 1e-5f));
  const ValueId tokens = g.reshape(normed, {1, 16, 8});
  const ValueId unused = g.affine(h, 2.0f, 0.0f);
  EXPECT_EQ(g.shape(unused), (Shape{1, 4, 4, 8}));
  const AttentionInputs self{tokens, tokens, tokens, kNoValue};
  g.output("tokens", g.attention(self, {2, 0.5f, false}));
  g.output("mask", g.slice(g.token_mask(ids, 0), -1, 0, 16));
  return *g.finish();
}

TEST(Graph, DumpsOneLinePerNode) {
  EXPECT_EQ(small_network().dump(),
            "graph demo\n"
            "sample = input () -> [1,8,8,4]\n"
            "ids = input () -> i32[1,77]\n"
            "down.conv.weight = weight tensors=down.conv.weight () -> [8,4,3,3]\n"
            "down.conv.bias = weight tensors=down.conv.bias () -> [8]\n"
            "down.conv = conv2d stride=2 pad=1,1,1,1 (sample, down.conv.weight, down.conv.bias)"
            " -> [1,4,4,8]\n"
            "down.norm.weight = weight tensors=down.norm.weight () -> [8]\n"
            "down.norm.bias = weight tensors=down.norm.bias () -> [8]\n"
            "down.norm = group_norm groups=4 eps=1e-05 (down.conv, down.norm.weight,"
            " down.norm.bias) -> [1,4,4,8]\n"
            "down.norm:activation = activation silu (down.norm) -> [1,4,4,8]\n"
            "down.norm:reshape = reshape (down.norm:activation) -> [1,16,8]\n"
            "down.conv:affine = affine scale=2 shift=0 (down.conv) -> [1,4,4,8]\n"
            "tokens = attention heads=2 scale=0.5 (down.norm:reshape, down.norm:reshape,"
            " down.norm:reshape) -> [1,16,8]\n"
            "ids:token_mask = token_mask padding_id=0 (ids) -> [1,77]\n"
            "mask = slice axis=1 begin=0 end=16 (ids:token_mask) -> [1,16]\n"
            "outputs tokens, mask\n");
}

TEST(Graph, FindsValuesByName) {
  const Graph graph = small_network();
  const ValueId norm = graph.find("down.norm");
  ASSERT_NE(norm, kNoValue);
  EXPECT_EQ(graph.producer(norm).op, OpKind::group_norm);
  EXPECT_EQ(graph.find("down"), kNoValue);
  EXPECT_TRUE(graph.is_output(graph.find("mask")));
  EXPECT_FALSE(graph.is_output(norm));
}

TEST(Graph, ListsUsersOncePerSlot) {
  const Graph graph = small_network();
  const auto uses = graph.uses();
  const ValueId tokens = graph.find("down.norm:reshape");
  EXPECT_EQ(uses[static_cast<size_t>(tokens)].size(), 3u);
  EXPECT_EQ(uses[static_cast<size_t>(graph.find("down.conv"))].size(), 2u);
  EXPECT_TRUE(uses[static_cast<size_t>(graph.find("mask"))].empty());
}

TEST(Graph, DropsWhatNoOutputDependsOnAndKeepsInputs) {
  GraphBuilder g("demo", nullptr);
  const ValueId x = g.input("x", {1, 4});
  g.input("unused", {1, 4});
  g.linear(g.affine(x, 2, 0), WeightScope("dead"), 8);
  g.output("y", g.affine(x, 3, 0));
  Graph graph = *g.finish();
  graph.eliminate_dead_nodes();
  EXPECT_EQ(graph.dump(),
            "graph demo\n"
            "x = input () -> [1,4]\n"
            "unused = input () -> [1,4]\n"
            "y = affine scale=3 shift=0 (x) -> [1,4]\n"
            "outputs y\n");
  EXPECT_EQ(graph.value(graph.find("y")).producer, 2);
  EXPECT_EQ(graph.inputs().size(), 2u);
}

TEST(Graph, ReplacesUsesInNodesAndOutputs) {
  Graph graph = small_network();
  const ValueId attention = graph.find("tokens"), norm = graph.find("down.norm:reshape");
  graph.replace_uses(attention, norm);
  EXPECT_EQ(graph.outputs()[0], norm);
  graph.replace_uses(norm, graph.find("down.conv"));
  EXPECT_EQ(graph.node(graph.value(attention).producer).input(1), graph.find("down.conv"));
}

TEST(Graph, AbsorbsALaterNodeUnderItsName) {
  GraphBuilder g("demo", nullptr);
  const ValueId x = g.input("x", {1, 4});
  const ValueId first = g.affine(x, 2, 0);
  g.output("y", g.affine(first, 3, 0));
  Graph graph = *g.finish();
  graph.absorb(1, 2);
  graph.eliminate_dead_nodes();
  EXPECT_EQ(graph.dump(),
            "graph demo\n"
            "x = input () -> [1,4]\n"
            "y = affine scale=2 shift=0 (x) -> [1,4]\n"
            "outputs y\n");
}

TEST(Graph, IsNamedByAHashOfAllThatItSays) {
  EXPECT_EQ(graph_hash(small_network()), graph_hash(small_network()));
  EXPECT_EQ(graph_hash(small_network()).size(), 32u);
  Graph other = small_network();
  other.value(other.find("tokens")).name = "token";
  EXPECT_NE(graph_hash(other), graph_hash(small_network()));
}

TEST(Graph, MatrixLayersAloneAreQuantised) {
  LayerQuantization layer;
  layer.scheme = Scheme::w8a16;
  const auto shared = std::make_shared<const LayerQuantization>(layer);
  Node conv, linear, add;
  conv.op = OpKind::conv2d;
  conv.attrs = Conv2dAttrs{};
  linear.op = OpKind::linear;
  linear.attrs = LinearAttrs{};
  set_quantization(conv, shared);
  set_quantization(linear, shared);
  EXPECT_EQ(conv.as<Conv2dAttrs>().quantization, shared);
  EXPECT_EQ(linear.as<LinearAttrs>().quantization, shared);
  add.op = OpKind::add;
  EXPECT_DEATH(set_quantization(add, shared), "only matrix layers");
}

}  // namespace
}  // namespace edgefusion::graph
