#include <gtest/gtest.h>

#include <string>

#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"
#include "npu/execute.h"
#include "npu/search.h"
#include "npu/testing/given_device.h"
#include "npu/testing/outputs.h"
#include "npu/testing/random_plan.h"
#include "npu/verify.h"

// Random graphs, tiled at random for random devices: every schedule is proved right, and gives what
// the untiled run gives.

namespace edgefusion::npu {
namespace {

Outputs run(const Device& device, const Work& work, const Plan& plan,
            const graph::RandomGraph& random) {
  const auto schedule = emit_plan(device, work, plan);
  EXPECT_TRUE(schedule.has_value()) << schedule.error().message();
  if (!schedule) return {};
  const Status status = verify(device, work, *schedule);
  EXPECT_TRUE(status.has_value()) << status.error().message();
  if (!status) return {};
  return execute(device, work, *schedule, &random.weights(), random.inputs());
}

class TiledRun : public testing::TestWithParam<uint32_t> {};

TEST_P(TiledRun, GivesWhatTheUntiledRunGives) {
  const uint32_t seed = GetParam();
  std::mt19937 random(seed);
  const graph::RandomGraph source(
      seed, {.batch = 1 + seed % 2, .height = 4 + seed % 3, .width = 4, .channels = 4});
  graph::Graph graph = source.graph();
  graph.eliminate_dead_nodes();
  if (seed % 4 == 0) {
    graph::remove_identities(graph);
  } else {
    const bool all = seed % 4 != 1;
    graph::optimize(graph, {all, all, all, all});
  }
  Device device = given_device(1 << 23, 8, 1 + static_cast<int>(seed % 3));
  if (seed % 2 == 0) device.tensor.fused = {VectorOp::relu, VectorOp::silu, VectorOp::add};
  if (seed % 3 == 0) device.tensor.fused.insert({VectorOp::geglu, VectorOp::gelu});
  const WorkOptions options{static_cast<Arithmetic>(seed % 3)};
  const auto work = make_work(graph, device, options);
  ASSERT_TRUE(work.has_value()) << work.error().message();
  const Outputs untiled = run(device, *work, untiled_plan(*work), source);
  ASSERT_FALSE(untiled.empty());
  expect_close(untiled, graph::evaluate(graph, &source.weights(), source.inputs()), 2e-5f);

  int complete = 0;
  for (uint32_t i = 0; i < 6; ++i) {
    device.memory.bytes = 1 << (11 + i);
    device.memory.banks = 4 << (i % 3);
    const RandomPlan plan(device, *work, seed * 100 + i);
    if (!plan.is_complete()) continue;
    ++complete;
    SCOPED_TRACE("plan " + std::to_string(i) + " of " + std::to_string(plan.tiles()) + " tiles");
    const Outputs tiled = run(device, *work, plan.plan(), source);
    if (plan.keeps_order()) {
      expect_same_bits(tiled, untiled);
    } else {
      expect_close(tiled, untiled, 2e-5f);
    }
  }
  EXPECT_GE(complete, 2);
}

TEST_P(TiledRun, OfAPlanThatWasSearchedForGivesWhatTheUntiledRunGives) {
  const uint32_t seed = GetParam();
  const graph::RandomGraph source(seed, {.batch = 1, .height = 4, .width = 4 + 2 * (seed % 2)});
  graph::Graph graph = source.graph();
  graph::optimize(graph, {true, true, true, true});
  Device device = given_device(1 << 23, 8, 1 + static_cast<int>(seed % 2));
  device.tensor.fused = {VectorOp::silu, VectorOp::add};
  const auto work = make_work(graph, device, {});
  ASSERT_TRUE(work.has_value()) << work.error().message();
  const Outputs untiled = run(device, *work, untiled_plan(*work), source);
  device.memory.bytes = 1 << (12 + seed % 4);
  const auto searched = search(device, *work, {.beam = 3, .longest_group = 6});
  const auto plain = op_by_op(device, *work);
  ASSERT_TRUE(searched.has_value()) << searched.error().message();
  ASSERT_TRUE(plain.has_value()) << plain.error().message();
  expect_close(run(device, *work, *searched, source), untiled, 2e-5f);
  expect_close(run(device, *work, *plain, source), untiled, 2e-5f);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TiledRun, testing::Range(1u, 31u));

}  // namespace
}  // namespace edgefusion::npu
