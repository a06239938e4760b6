#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "graph/evaluate.h"
#include "graph/op_table.h"
#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"

namespace edgefusion::graph {
namespace {

constexpr uint32_t kGraphs = 150;

constexpr OptimizeOptions kEverything = {
    .merge_projections = true, .fuse_geglu = true, .fuse_concat = true, .fuse_image_add = true};

int run_optimize(Graph& graph) {
  const auto before = graph.nodes().size();
  optimize(graph, kEverything);
  return static_cast<int>(before - graph.nodes().size());
}

struct Pass {
  const char* name;
  int (*run)(Graph&);
};

constexpr Pass kPasses[] = {{"fold_constants", fold_constants},
                            {"remove_identities", remove_identities},
                            {"fuse_norm_activation", fuse_norm_activation},
                            {"fuse_epilogue", fuse_epilogue},
                            {"fuse_upsample", fuse_upsample},
                            {"merge_projections", merge_projections},
                            {"fuse_geglu", fuse_geglu},
                            {"fuse_concat", fuse_concat},
                            {"fuse_image_add", fuse_image_add},
                            {"optimize", run_optimize}};

void expect_close(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.shape(), expected.shape());
  float largest = 0, difference = 0;
  for (size_t i = 0; i < expected.values<float>().size(); ++i) {
    const float x = expected.values<float>()[i];
    largest = std::max(largest, std::abs(x));
    difference = std::max(difference, std::abs(found.values<float>()[i] - x));
  }
  EXPECT_LE(difference, 1e-5f * largest);
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs()) names.push_back(graph.value(id).name);
  return names;
}

// A graph the engine may be given: order, producers and unique names as documented.
void expect_sound(const Graph& graph) {
  std::set<std::string> names;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.node(static_cast<NodeId>(n));
    ASSERT_NE(node.output, kNoValue);
    EXPECT_EQ(graph.value(node.output).producer, static_cast<NodeId>(n));
    EXPECT_TRUE(names.insert(graph.value(node.output).name).second);
    for (const ValueId input : node.inputs) {
      if (input != kNoValue) {
        EXPECT_LT(graph.value(input).producer, static_cast<NodeId>(n));
      }
    }
  }
  EXPECT_EQ(graph.values().size(), graph.nodes().size());
}

// Shape rules hold for what a pass made of the nodes.
void expect_inferable(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (node.inputs.empty()) continue;
    std::vector<const Value*> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? nullptr : &graph.value(id));
    }
    const auto inferred = op_info(node.op).infer(node.attrs, inputs);
    ASSERT_TRUE(inferred.has_value()) << inferred.error().message();
    EXPECT_EQ(inferred->shape, graph.value(node.output).shape);
  }
}

TEST(Passes, KeepOutputsOfRandomGraphs) {
  std::map<std::string, int> changed;
  for (uint32_t seed = 0; seed < kGraphs; ++seed) {
    const RandomGraph random(seed);
    const auto expected = evaluate(random.graph(), &random.weights(), random.inputs());
    for (const Pass& pass : kPasses) {
      SCOPED_TRACE(std::string(pass.name) + ", seed " + std::to_string(seed));
      Graph graph = random.graph();
      changed[pass.name] += pass.run(graph);
      expect_sound(graph);
      expect_inferable(graph);
      EXPECT_EQ(output_names(graph), output_names(random.graph()));
      const auto found = evaluate(graph, &random.weights(), random.inputs());
      for (const auto& [name, tensor] : expected) expect_close(found.at(name), tensor);
      if (HasFailure()) return;
    }
  }
  // The generator must give each pass something to do, or the test shows nothing.
  for (const Pass& pass : kPasses) EXPECT_GE(changed[pass.name], 20) << pass.name;
}

TEST(Passes, LeaveAnOptimisedGraphAsItIs) {
  for (uint32_t seed = 0; seed < kGraphs; ++seed) {
    Graph graph = RandomGraph(seed).graph();
    optimize(graph, kEverything);
    const std::string once = graph.dump();
    optimize(graph, kEverything);
    EXPECT_EQ(graph.dump(), once) << seed;
  }
}

}  // namespace
}  // namespace edgefusion::graph
