#include <gtest/gtest.h>

#include <string>

#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"
#include "npu/execute.h"
#include "npu/testing/garble.h"
#include "npu/testing/given_device.h"
#include "npu/testing/outputs.h"
#include "npu/testing/random_plan.h"
#include "npu/verify.h"

// Schedules with numbers changed at random: verify() neither crashes nor accepts one that gives
// other results.

namespace edgefusion::npu {
namespace {

class GarbledSchedule : public testing::TestWithParam<uint32_t> {};

TEST_P(GarbledSchedule, IsRefusedOrGivesTheSame) {
  const uint32_t seed = GetParam();
  const graph::RandomGraph source(seed, {.batch = 1, .height = 4, .width = 4, .channels = 4});
  graph::Graph graph = source.graph();
  graph::optimize(graph, {true, true, true, true});
  Device device = given_device(1 << 16, 16, 2);
  const auto work = make_work(graph, device, {});
  ASSERT_TRUE(work.has_value()) << work.error().message();
  const RandomPlan plan(device, *work, seed);
  ASSERT_TRUE(plan.is_complete());
  const auto schedule = emit_plan(device, *work, plan.plan());
  ASSERT_TRUE(schedule.has_value());
  ASSERT_TRUE(verify(device, *work, *schedule).has_value());
  const auto run = [&](const Schedule& what) {
    return execute(device, *work, what, &source.weights(), source.inputs());
  };
  const Outputs expected = run(*schedule);

  Garbler garbler(seed);
  int refused = 0, accepted = 0;
  constexpr int kTries = 400, kRuns = 40;
  for (int i = 0; i < kTries; ++i) {
    Schedule garbled = *schedule;
    garbler.garble(garbled);
    const Status status = verify(device, *work, garbled);
    if (!status) {
      ++refused;
      EXPECT_EQ(status.error().message().find('\n'), std::string::npos);
    } else if (++accepted <= kRuns) {
      SCOPED_TRACE("try " + std::to_string(i));
      expect_close(run(garbled), expected, 1e-5f);
    }
  }
  EXPECT_GT(refused, kTries / 4);
  EXPECT_GT(accepted, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, GarbledSchedule, testing::Range(1u, 17u));

}  // namespace
}  // namespace edgefusion::npu
