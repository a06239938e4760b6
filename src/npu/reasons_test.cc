#include "npu/reasons.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"
#include "npu/breakdown.h"
#include "npu/part_of.h"
#include "npu/planned_run.h"
#include "npu/testing/given_device.h"
#include "npu/testing/random_plan.h"
#include "npu/testing/small_work.h"

namespace edgefusion::npu {
namespace {

bool moves_data(const Command& command) { return command.action != Action::compute; }

Device device_of(uint32_t seed) {
  Device device = given_device(1 << (12 + seed % 6), 4, 1 + static_cast<int>(seed % 3));
  device.vector.count = 1 + static_cast<int>(seed % 2);
  device.concurrent = seed % 4 != 0;
  device.tensor.setup_cycles = 8;
  device.tensor.align_outputs = 8;
  device.hand_over_cycles = seed % 5;
  return device;
}

class PlannedNetworks : public testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    const graph::RandomGraph source(GetParam(),
                                    {.batch = 1, .height = 8, .width = 8, .channels = 8});
    graph_ = source.graph();
    graph_.eliminate_dead_nodes();
    graph::optimize(graph_, {});
    const auto work = make_work(graph_, device_, {});
    ASSERT_TRUE(work.has_value()) << work.error().message();
    const RandomPlan plan(device_, *work, GetParam());
    // A network may have an op that needs more than a small memory.
    if (!plan.is_complete()) GTEST_SKIP() << "does not fit";
    auto run = run_of_plan(device_, *work, plan.plan(), 1);
    ASSERT_TRUE(run.has_value()) << run.error().message();
    run_ = std::move(*run);
  }

  graph::Graph graph_;
  Device device_ = device_of(GetParam());
  PlannedRun run_;
};

TEST_P(PlannedNetworks, EveryTransferHasOneReasonAndBytesAddUp) {
  const std::vector<Command>& commands = run_.schedule.commands;
  ASSERT_EQ(run_.reasons.of_command.size(), commands.size());
  std::vector<int64_t> read(run_.reasons.all.size()), written(run_.reasons.all.size());
  for (size_t i = 0; i < commands.size(); ++i) {
    const int32_t reason = run_.reasons.of_command[i];
    ASSERT_EQ(reason >= 0, moves_data(commands[i])) << i;
    if (reason < 0) continue;
    const CommandCost cost = command_cost(device_, run_.work, commands[i]);
    read.at(static_cast<size_t>(reason)) += cost.dram_bytes_read;
    written.at(static_cast<size_t>(reason)) += cost.dram_bytes_written;
  }
  int64_t all_read = 0, all_written = 0;
  for (size_t i = 0; i < run_.reasons.all.size(); ++i) {
    const Reason& reason = run_.reasons.all[i];
    EXPECT_EQ(reason.bytes_read, read[i]) << reason.text;
    EXPECT_EQ(reason.bytes_written, written[i]) << reason.text;
    all_read += reason.bytes_read;
    all_written += reason.bytes_written;
  }
  EXPECT_EQ(all_read, run_.timeline.totals.dram_bytes_read);
  EXPECT_EQ(all_written, run_.timeline.totals.dram_bytes_written);
}

TEST_P(PlannedNetworks, NoReasonTakesLongerThanTheRunOfItsEngine) {
  double waits = 0;
  for (const Reason& reason : run_.reasons.all) {
    if (reason.kind == ReasonKind::wait) waits += reason.cycles;
    if (reason.kind != ReasonKind::alignment && reason.kind != ReasonKind::set_up) continue;
    EXPECT_LE(reason.cycles, run_.timeline.totals.cycles * (1 + 1e-9)) << reason.text;
  }
  EXPECT_LE(waits, run_.timeline.totals.cycles * (1 + 1e-9));
}

TEST_P(PlannedNetworks, BreakdownAddsUpToTheTotals) {
  int64_t bytes = 0, macs = 0, commands = 0;
  std::array<double, kEngineKinds> cycles{};
  for (const CostItem& item : breakdown(device_, run_.work, run_.schedule, run_.timeline)) {
    bytes += item.bytes;
    macs += item.macs;
    commands += item.commands;
    cycles[static_cast<size_t>(item.engine)] += item.cycles;
  }
  const Totals& totals = run_.timeline.totals;
  EXPECT_EQ(bytes, totals.dram_bytes_read + totals.dram_bytes_written);
  EXPECT_EQ(macs, totals.macs);
  EXPECT_EQ(commands, static_cast<int64_t>(run_.schedule.commands.size()));
  for (size_t kind = 0; kind < kEngineKinds; ++kind) {
    EXPECT_NEAR(cycles[kind], totals.busy[kind], 1e-6 * (1 + totals.busy[kind])) << kind;
  }
}

INSTANTIATE_TEST_SUITE_P(Random, PlannedNetworks, testing::Range(0u, 24u));

/// a -> b -> c, 256 elements of 16 bits each; b is made by op 0 in the first group.
SmallWork chain() {
  SmallWork made;
  for (const char* name : {"a", "b", "c"}) made.tensor(name, {1, 8, 1, 8});
  made.work.name = "chain";
  made.work.tensors[0].kind = TensorKind::input;
  made.work.tensors[2].is_output = true;
  made.pointwise(0, 1);
  made.pointwise(1, 2);
  return made;
}

bool has_spill(const PlannedRun& run) {
  return std::ranges::any_of(
      run.reasons.all, [](const Reason& reason) { return reason.kind == ReasonKind::spilled; });
}

TEST(Reasons, WhatStaysIsNotSpilledAndWhatGoesOutIs) {
  const SmallWork made = chain();
  const Device device = small_device();
  Plan plan;
  plan.groups = {{0, 1, {.lines = 8}}, {1, 2, {.lines = 8}}};
  const auto out = run_of_plan(device, made.work, plan, 1);
  ASSERT_TRUE(out.has_value()) << out.error().message();
  EXPECT_TRUE(has_spill(*out));
  plan.residences = {{1, 0, 1, 896}};
  const auto kept = run_of_plan(device, made.work, plan, 1);
  ASSERT_TRUE(kept.has_value()) << kept.error().message();
  EXPECT_FALSE(has_spill(*kept));
}

TEST(PartOf, TakesFromDramWhatOthersMake) {
  const SmallWork made = chain();
  const auto part = part_of(made.work, "c");
  ASSERT_TRUE(part.has_value()) << part.error().message();
  ASSERT_EQ(part->ops.size(), 1u);
  EXPECT_EQ(part->tensors[1].kind, TensorKind::input);
  EXPECT_EQ(part->tensors[1].producer, -1);
  EXPECT_EQ(part->tensors[2].producer, 0);
  EXPECT_TRUE(part->tensors[2].is_output);
}

TEST(PartOf, GivesToDramWhatOthersTake) {
  const SmallWork made = chain();
  const auto part = part_of(made.work, "b");
  ASSERT_TRUE(part.has_value()) << part.error().message();
  EXPECT_TRUE(part->tensors[1].is_output);
  EXPECT_TRUE(part->tensors[1].users.empty());
}

TEST(PartOf, NamesWhatIsNotThere) {
  const auto part = part_of(chain().work, "cc");
  ASSERT_FALSE(part.has_value());
  EXPECT_EQ(part.error().message(), "chain: no op whose name begins with \"cc\"");
}

}  // namespace
}  // namespace edgefusion::npu
