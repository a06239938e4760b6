#include "npu/execution_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "graph/builder.h"
#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"
#include "npu/testing/given_device.h"

namespace edgefusion::npu {
namespace {

std::map<std::string, Tensor> outputs(std::vector<float> values) {
  std::map<std::string, Tensor> result;
  const auto count = static_cast<int64_t>(values.size());
  result.emplace("y", Tensor::from_f32({count}, values));
  return result;
}

TEST(ExecutionCheck, TellsHowFarOutputsAreApart) {
  const auto expected = outputs({1, -4, 2});
  const ExecutionCheck same = compare_outputs(outputs({1, -4, 2}), expected);
  EXPECT_TRUE(same.same_bits);
  EXPECT_EQ(same.largest, 0);
  const ExecutionCheck near = compare_outputs(outputs({1, -4, 2.0001f}), expected);
  EXPECT_FALSE(near.same_bits);
  EXPECT_NEAR(near.largest, 0.0001 / 4, 1e-7);
  EXPECT_EQ(near.output, "y");
  EXPECT_TRUE(near.holds());
  EXPECT_FALSE(compare_outputs(outputs({1, -4, 2.001f}), expected).holds());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(compare_outputs(outputs({1, nan, 2}), expected).holds());
  EXPECT_FALSE(compare_outputs(outputs({1, 0, 0}), outputs({0, 0, 0})).holds());
}

TEST(ExecutionCheck, IntegersAreRightOrWrong) {
  Tensor ids({2}, DType::i32), others({2}, DType::i32);
  std::ranges::fill(ids.values<int32_t>(), 3);
  std::ranges::fill(others.values<int32_t>(), 3);
  EXPECT_TRUE(compare_outputs({{"ids", ids}}, {{"ids", others}}).holds());
  others.values<int32_t>()[1] = 4;
  EXPECT_FALSE(compare_outputs({{"ids", ids}}, {{"ids", others}}).holds());
}

TEST(ExecutionCheck, IdsAreWithinTheTablesTheyChooseFrom) {
  graph::GraphBuilder g("net", nullptr);
  const graph::ValueId ids = g.input("ids", {1, 64}, DType::i32);
  const graph::ValueId noise = g.input("noise", {1, 64, 8});
  const graph::ValueId wide = g.embedding(ids, graph::WeightScope("wide"), 9, 8);
  const graph::ValueId narrow = g.embedding(ids, graph::WeightScope("narrow"), 3, 8);
  g.output("y", g.add(g.add(wide, narrow), noise));
  const graph::Graph graph = *g.finish();
  const auto inputs = made_up_inputs(graph, 1);
  const auto chosen = inputs.at("ids").values<int32_t>();
  EXPECT_EQ(std::ranges::min(chosen), 0);
  EXPECT_EQ(std::ranges::max(chosen), 2);
  const auto floats = inputs.at("noise").values<float>();
  EXPECT_GT(std::ranges::max(floats), 1.5f);
  EXPECT_LT(std::ranges::min(floats), -1.5f);
}

TEST(ExecutionCheck, ARunOfAPlanIsCloseToItsGraphUntiled) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    const graph::RandomGraph source(seed, {.batch = 1, .height = 4, .width = 6});
    graph::Graph graph = source.graph();
    graph::optimize(graph, {true, true, true, true});
    const Device device = given_device(1 << 14);
    auto work = make_work(graph, device, {});
    ASSERT_TRUE(work.has_value()) << work.error().message();
    auto run = plan_run(device, std::move(*work), 1);
    ASSERT_TRUE(run.has_value()) << run.error().message();
    EXPECT_TRUE(check_execution(device, *run, source.weights(), seed).holds());
    // A command that is left out shows.
    std::vector<Command>& commands = run->schedule.commands;
    const auto compute = std::ranges::find(commands, Action::compute, &Command::action);
    ASSERT_NE(compute, commands.end());
    commands.erase(compute);
    EXPECT_FALSE(check_execution(device, *run, source.weights(), seed).holds());
  }
}

}  // namespace
}  // namespace edgefusion::npu
