#include "onnx/split_groups.h"

#include <gtest/gtest.h>

#include "onnx/testing/all_cases.h"

namespace edgefusion::onnx {
namespace {

using graph::Graph;

/// x -> a -> b (a reshape) -> c, and d = c + a; d and a are outputs.
Graph chain() {
  graph::GraphBuilder g("net", nullptr);
  const graph::ValueId x = g.input("x", {1, 2, 4});
  const graph::ValueId a = g.name(g.silu(x), graph::WeightScope("a"));
  const graph::ValueId b = g.name(g.reshape(a, {2, 4}), graph::WeightScope("b"));
  const graph::ValueId c = g.name(g.reshape(g.silu(b), {1, 2, 4}), graph::WeightScope("c"));
  g.output("d", g.add(c, a));
  return *g.finish();
}

std::vector<std::string> names(const Graph& graph, std::span<const graph::ValueId> ids) {
  std::vector<std::string> result;
  for (const graph::ValueId id : ids) result.push_back(graph.value(id).name);
  return result;
}

std::string refusal(const std::vector<NodeGroup>& groups) {
  const auto parts = split_into_groups(chain(), groups);
  return parts ? "accepted" : parts.error().message();
}

using Names = std::vector<std::string>;

TEST(SplitIntoGroups, GivesWhatCrossesTheBorders) {
  const auto parts = split_into_groups(
      chain(),
      std::vector<NodeGroup>{{"g0", {"a", "b"}}, {"g1", {"b:activation", "c"}}, {"g2", {"d"}}});
  ASSERT_TRUE(parts.has_value()) << parts.error().message();
  EXPECT_EQ((*parts)[0].name(), "net.g0");
  EXPECT_EQ(names((*parts)[0], (*parts)[0].inputs()), Names{"x"});
  EXPECT_EQ(names((*parts)[0], (*parts)[0].outputs()), (Names{"a", "b"}));
  EXPECT_EQ(names((*parts)[1], (*parts)[1].inputs()), Names{"b"});
  EXPECT_EQ(names((*parts)[1], (*parts)[1].outputs()), Names{"c"});
  EXPECT_EQ(names((*parts)[2], (*parts)[2].inputs()), (Names{"a", "c"}));
  EXPECT_EQ(names((*parts)[2], (*parts)[2].outputs()), Names{"d"});
}

TEST(SplitIntoGroups, LetsReshapesGoWithWhatTheyReshape) {
  const auto parts = split_into_groups(
      chain(), std::vector<NodeGroup>{{"g0", {"a"}}, {"g1", {"b:activation"}}, {"g2", {"d"}}});
  ASSERT_TRUE(parts.has_value()) << parts.error().message();
  EXPECT_EQ(names((*parts)[0], (*parts)[0].outputs()), (Names{"a", "b"}));
  EXPECT_EQ(names((*parts)[1], (*parts)[1].outputs()), Names{"c"});
}

TEST(SplitIntoGroups, RefusesGroupsThatAreNotOfTheNetwork) {
  const NodeGroup first{"g0", {"a", "b"}}, second{"g1", {"b:activation", "c", "d"}};
  EXPECT_EQ(refusal({first, second}), "accepted");
  EXPECT_EQ(refusal({first, {"g1", {"e"}}}), "group g1: network net has no node e");
  EXPECT_EQ(refusal({first, {"g1", {"a"}}}), "node a is in group g0 and in g1");
  EXPECT_EQ(refusal({first}), "node b:activation of network net is in no group");
  EXPECT_EQ(refusal({first, second, {"g2", {"x"}}}), "group g2 has no nodes");
  EXPECT_EQ(refusal({first, {"g0", {"d"}}}), "two groups are called g0");
  EXPECT_EQ(refusal({{"g0", {"a", "d"}}, {"g1", {"b:activation", "c"}}}),
            "group g0 reads c, which the later group g1 makes");
}

TEST(SplitIntoGroups, GivesGraphsThatTogetherComputeTheNetwork) {
  for (const ExportCase& given : all_cases()) {
    if (given.groups.empty()) continue;
    const auto parts = split_into_groups(given.graph, given.groups);
    ASSERT_TRUE(parts.has_value()) << given.name << parts.error().message();
    std::map<std::string, Tensor> values = given.inputs;
    for (const Graph& part : *parts) values.merge(graph::evaluate(part, &given.weights, values));
    for (const auto& [name, expected] : given.outputs) {
      const auto found = values.at(name).values<float>();
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_NEAR(found[i], expected.values<float>()[i], 1e-4f) << given.name << " " << name;
      }
    }
  }
}

}  // namespace
}  // namespace edgefusion::onnx
