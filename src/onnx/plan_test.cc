#include "onnx/plan.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/testing/temporary_folder.h"
#include "graph/builder.h"
#include "onnx/export_groups.h"

namespace edgefusion::onnx {
namespace {

graph::Graph network(int64_t width) {
  graph::GraphBuilder g("net", nullptr);
  g.output("y", g.silu(g.input("x", {1, width})));
  return *g.finish();
}

Result<Plan> plan_of(const std::string& text) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "plan.json") << text;
  return read_plan(folder.path() / "plan.json");
}

TEST(ReadPlan, GivesTheGroupsOfEachNetwork) {
  const auto plan = plan_of(R"({"version": 1, "device": {"name": "npu"}, "networks": [
      {"name": "unet", "graph_hash": "ab", "groups": [{"name": "g0", "nodes": ["a", "b"], "cycles": 3}]},
      {"name": "vae_decoder", "groups": [{"name": "g0", "nodes": ["c"]}, {"name": "g1", "nodes": ["d"]}]}]})");
  ASSERT_TRUE(plan.has_value()) << plan.error().message();
  EXPECT_EQ(plan->at("unet").graph_hash, "ab");
  EXPECT_EQ(plan->at("unet").groups[0].nodes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plan->at("vae_decoder").groups[1].name, "g1");
}

TEST(ReadPlan, RefusesGroupsThatWouldShareAFile) {
  const auto with = [](const std::string& first, const std::string& second) {
    return plan_of(R"({"version": 1, "networks": [{"name": "unet", "groups": [{"name": ")" + first +
                   R"(", "nodes": []}, {"name": ")" + second + R"(", "nodes": ["a"]}]}]})");
  };
  EXPECT_TRUE(with("g000 conv_in", "g001 conv_in").has_value());
  EXPECT_FALSE(with("g000 a", "g000 a").has_value());
  EXPECT_FALSE(with("g000 a", "g000+a").has_value());
  EXPECT_FALSE(with("", "g000").has_value());
}

TEST(FileStem, IsAPlainNameInItsFolder) {
  EXPECT_EQ(file_stem("g012 up_blocks.1.attn1.to_q+to_k"), "g012_up_blocks.1.attn1.to_q_to_k");
  EXPECT_EQ(file_stem("../a"), "_._a");
  EXPECT_EQ(file_stem(std::string(4000, 'a')).size(), 120u);
}

TEST(CheckGraph, TellsGraphsOfOtherSizesApart) {
  EXPECT_EQ(graph::graph_hash(network(3)), graph::graph_hash(network(3)));
  EXPECT_TRUE(check_graph({graph::graph_hash(network(3)), {}}, network(3)).has_value());
  EXPECT_TRUE(check_graph({"", {}}, network(3)).has_value());
  EXPECT_FALSE(check_graph({graph::graph_hash(network(3)), {}}, network(4)).has_value());
}

}  // namespace
}  // namespace edgefusion::onnx
