#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

const WeightScope kAttention("attn");
const AttentionAttrs kTwoHeads{.heads = 2, .scale = 0.5f};

// One builder with tokens "x" and "text" to start from.
struct Network {
  GraphBuilder g{"net", nullptr};
  ValueId x = g.input("x", {1, 3, 4});
  ValueId text = g.input("text", {1, 5, 6});

  ValueId project(ValueId from, const char* name, int64_t width = 8, bool bias = false) {
    return g.linear(from, kAttention / name, width, bias);
  }
  Graph finish(ValueId q, ValueId k, ValueId v) {
    g.output("y", g.attention({q, k, v, kNoValue}, kTwoHeads));
    return *g.finish();
  }
};

TEST(MergeProjections, MakesQueriesKeysAndValuesOfOneSourceWithOneMatrix) {
  Network n;
  const ValueId q = n.project(n.x, "to_q"), k = n.project(n.x, "to_k");
  Graph graph = n.finish(q, k, n.project(n.x, "to_v", 6));
  EXPECT_EQ(merge_projections(graph), 2);
  EXPECT_EQ(graph.dump(),
            "graph net\n"
            "x = input () -> [1,3,4]\n"
            "text = input () -> [1,5,6]\n"
            "attn.to_q+to_k+to_v.weight = weight"
            " tensors=attn.to_q.weight+attn.to_k.weight+attn.to_v.weight () -> [22,4]\n"
            "attn.to_q+to_k+to_v = linear (x, attn.to_q+to_k+to_v.weight) -> [1,3,22]\n"
            "y = attention heads=2 scale=0.5 q=0:8 k=8:16 v=16:22 (attn.to_q+to_k+to_v,"
            " attn.to_q+to_k+to_v, attn.to_q+to_k+to_v) -> [1,3,6]\n"
            "outputs y\n");
}

TEST(MergeProjections, MakesKeysAndValuesOfTheTextWithOneMatrix) {
  Network n;
  const ValueId k = n.project(n.text, "to_k", 8, true), v = n.project(n.text, "to_v", 6, true);
  Graph graph = n.finish(n.project(n.x, "to_q"), k, v);
  EXPECT_EQ(merge_projections(graph), 1);
  EXPECT_EQ(graph.dump(),
            "graph net\n"
            "x = input () -> [1,3,4]\n"
            "text = input () -> [1,5,6]\n"
            "attn.to_k+to_v.weight = weight tensors=attn.to_k.weight+attn.to_v.weight ()"
            " -> [14,6]\n"
            "attn.to_k+to_v.bias = weight tensors=attn.to_k.bias+attn.to_v.bias () -> [14]\n"
            "attn.to_k+to_v = linear (text, attn.to_k+to_v.weight, attn.to_k+to_v.bias)"
            " -> [1,5,14]\n"
            "attn.to_q.weight = weight tensors=attn.to_q.weight () -> [8,4]\n"
            "attn.to_q = linear (x, attn.to_q.weight) -> [1,3,8]\n"
            "y = attention heads=2 scale=0.5 q=0:8 k=0:8 v=8:14 (attn.to_q, attn.to_k+to_v,"
            " attn.to_k+to_v) -> [1,3,6]\n"
            "outputs y\n");
}

TEST(MergeProjections, StacksInTheOrderOfTheOperandsWhateverRunsFirst) {
  Network n;
  const ValueId v = n.project(n.x, "to_v", 6), k = n.project(n.x, "to_k");
  Graph graph = n.finish(n.project(n.x, "to_q"), k, v);
  EXPECT_EQ(merge_projections(graph), 2);
  const ValueId weight = graph.find("attn.to_q+to_k+to_v.weight");
  ASSERT_NE(weight, kNoValue);
  EXPECT_EQ(graph.producer(weight).as<WeightAttrs>().tensors,
            (std::vector<std::string>{"attn.to_q.weight", "attn.to_k.weight", "attn.to_v.weight"}));
}

TEST(MergeProjections, LeavesOutAProjectionTheUserAskedFor) {
  Network n;
  const ValueId q = n.project(n.x, "to_q"), k = n.project(n.x, "to_k"), v = n.project(n.x, "to_v");
  n.g.output("tap", k);
  Graph graph = n.finish(q, k, v);
  EXPECT_EQ(merge_projections(graph), 1);
  EXPECT_NE(graph.find("attn.to_q+to_v"), kNoValue);
  const auto& attrs = graph.producer(graph.find("y")).as<AttentionAttrs>();
  EXPECT_EQ(attrs.k_begin, 0);
  EXPECT_EQ(attrs.v_begin, 8);
}

TEST(MergeProjections, LeavesOutAProjectionWithABiasOfItsOwnOrAnActivation) {
  Network n;
  const ValueId q = n.project(n.x, "to_q", 8, true), k = n.project(n.x, "to_k");
  Graph graph = n.finish(q, k, n.project(n.x, "to_v"));
  EXPECT_EQ(merge_projections(graph), 1);
  EXPECT_NE(graph.find("attn.to_k+to_v"), kNoValue);

  Network activated;
  const ValueId key = activated.g.silu(activated.project(activated.text, "to_k"));
  Graph other = activated.finish(activated.project(activated.x, "to_q"), key,
                                 activated.project(activated.text, "to_v"));
  EXPECT_EQ(fuse_epilogue(other), 1);
  EXPECT_EQ(merge_projections(other), 0);
}

TEST(MergeProjections, KeepsProjectionsThatOthersSee) {
  Network n;
  const ValueId q = n.project(n.x, "to_q"), both = n.project(n.x, "to_kv");
  Graph used_twice = n.finish(q, both, both);
  EXPECT_EQ(merge_projections(used_twice), 0);

  Network shared;
  const ValueId query = shared.project(shared.x, "same"), key = shared.project(shared.x, "same");
  Graph same_weight = shared.finish(query, key, shared.x);
  EXPECT_EQ(merge_projections(same_weight), 0);
}

TEST(MergeProjections, ComesToAnEnd) {
  Network n;
  const ValueId q = n.project(n.x, "to_q"), k = n.project(n.x, "to_k");
  Graph graph = n.finish(q, k, n.project(n.x, "to_v"));
  EXPECT_EQ(merge_projections(graph), 2);
  EXPECT_EQ(merge_projections(graph), 0);
}

}  // namespace
}  // namespace edgefusion::graph
