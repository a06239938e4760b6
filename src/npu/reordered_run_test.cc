#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"
#include "npu/execute.h"
#include "npu/simulate.h"
#include "npu/testing/given_device.h"
#include "npu/testing/outputs.h"
#include "npu/testing/random_plan.h"
#include "npu/verify.h"

// Engines work side by side: commands that do not wait for each other may run in any order. Any
// order that hazards() allows is proved right, and gives the same bits.

namespace edgefusion::npu {
namespace {

/// The commands in a random order in which each comes after all it waits for.
Schedule reordered(const Schedule& schedule, uint32_t seed) {
  std::mt19937 random(seed);
  const std::vector<std::vector<int32_t>> waits = hazards(schedule);
  std::vector<std::vector<size_t>> followers(waits.size());
  std::vector<size_t> open(waits.size()), ready;
  for (size_t i = 0; i < waits.size(); ++i) {
    open[i] = waits[i].size();
    for (const int32_t earlier : waits[i]) followers[static_cast<size_t>(earlier)].push_back(i);
    if (open[i] == 0) ready.push_back(i);
  }
  Schedule result = schedule;
  result.commands.clear();
  while (!ready.empty()) {
    std::swap(ready[random() % ready.size()], ready.back());
    const size_t next = ready.back();
    ready.pop_back();
    result.commands.push_back(schedule.commands[next]);
    for (const size_t follower : followers[next]) {
      if (--open[follower] == 0) ready.push_back(follower);
    }
  }
  return result;
}

class ReorderedRun : public testing::TestWithParam<uint32_t> {};

TEST_P(ReorderedRun, GivesTheSameBits) {
  const uint32_t seed = GetParam();
  const graph::RandomGraph source(seed, {.batch = 1 + seed % 2, .height = 4, .width = 4});
  graph::Graph graph = source.graph();
  graph::optimize(graph, {true, true, true, true});
  const Device device = given_device(1 << (12 + seed % 4), 8, 2);
  const auto work = make_work(graph, device, {});
  ASSERT_TRUE(work.has_value()) << work.error().message();
  const RandomPlan plan(device, *work, seed);
  if (!plan.is_complete()) GTEST_SKIP() << "does not fit";
  const auto schedule = emit_plan(device, *work, plan.plan());
  ASSERT_TRUE(schedule.has_value()) << schedule.error().message();
  const Outputs expected = execute(device, *work, *schedule, &source.weights(), source.inputs());
  for (uint32_t i = 0; i < 3; ++i) {
    const Schedule other = reordered(*schedule, seed * 10 + i);
    ASSERT_EQ(other.commands.size(), schedule->commands.size());
    const Status status = verify(device, *work, other);
    ASSERT_TRUE(status.has_value()) << status.error().message();
    expect_same_bits(execute(device, *work, other, &source.weights(), source.inputs()), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReorderedRun, testing::Range(1u, 41u));

}  // namespace
}  // namespace edgefusion::npu
