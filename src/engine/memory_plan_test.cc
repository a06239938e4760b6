#include "engine/memory_plan.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "core/arena.h"
#include "graph/builder.h"

namespace edgefusion::engine {
namespace {

using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

void expect_no_overlap(const std::vector<Lifetime>& pieces, const std::vector<int64_t>& offsets) {
  for (size_t a = 0; a < pieces.size(); ++a) {
    for (size_t b = a + 1; b < pieces.size(); ++b) {
      const bool in_time = pieces[a].first_step <= pieces[b].last_step &&
                           pieces[b].first_step <= pieces[a].last_step;
      const bool in_space =
          offsets[a] < offsets[b] + pieces[b].bytes && offsets[b] < offsets[a] + pieces[a].bytes;
      EXPECT_FALSE(in_time && in_space) << "pieces " << a << " and " << b;
    }
  }
}

TEST(Place, NeverOverlapsWhatIsAliveTogether) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> pieces(60);
    for (auto& piece : pieces) {
      piece.bytes = static_cast<int64_t>(random() % 5000 + 1);
      piece.first_step = static_cast<int>(random() % 40);
      piece.last_step = piece.first_step + static_cast<int>(random() % 10);
    }
    const Placement placement = place(pieces);
    expect_no_overlap(pieces, placement.offsets);
    for (const int64_t offset : placement.offsets) {
      EXPECT_EQ(offset % static_cast<int64_t>(Arena::kAlignment), 0);
    }
  }
}

TEST(Place, ReusesMemoryOfPiecesThatAreOver) {
  const Placement placement = place({{1024, 0, 1}, {1024, 2, 3}, {1024, 4, 5}});
  EXPECT_EQ(placement.total_bytes, 1024);
}

TEST(PlanMemory, RunsAnActivationInPlaceWhenItsInputIsOver) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 8, 8, 16});
  const ValueId y = g.conv2d(x, WeightScope("conv"), 16);
  const ValueId z = g.silu(y);
  g.output("z", g.conv2d(z, WeightScope("conv2"), 16));
  const auto graph = g.finish();
  ASSERT_TRUE(graph.has_value());
  const MemoryPlan plan = plan_memory(*graph);
  EXPECT_EQ(plan.buffer_of_value[static_cast<size_t>(y)],
            plan.buffer_of_value[static_cast<size_t>(z)]);
  expect_no_overlap(plan.buffers, plan.offset_of_buffer);
}

TEST(PlanMemory, KeepsAValueThatIsNeededAgain) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 8, 8, 16});
  const ValueId y = g.conv2d(x, WeightScope("conv"), 16);
  const ValueId z = g.silu(y);
  g.output("out", g.add(z, y));
  const auto graph = g.finish();
  ASSERT_TRUE(graph.has_value());
  const MemoryPlan plan = plan_memory(*graph);
  EXPECT_NE(plan.buffer_of_value[static_cast<size_t>(y)],
            plan.buffer_of_value[static_cast<size_t>(z)]);
}

TEST(PlanMemory, KeepsOutputsAliveToTheEnd) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 16});
  const ValueId y = g.conv2d(x, WeightScope("a"), 16);
  g.output("y", y);
  g.output("z", g.conv2d(g.silu(y), WeightScope("b"), 16));
  const auto graph = g.finish();
  ASSERT_TRUE(graph.has_value());
  const MemoryPlan plan = plan_memory(*graph);
  const int buffer = plan.buffer_of_value[static_cast<size_t>(y)];
  EXPECT_EQ(plan.buffers[static_cast<size_t>(buffer)].last_step,
            static_cast<int>(graph->nodes().size()));
  expect_no_overlap(plan.buffers, plan.offset_of_buffer);
}

TEST(PlanMemory, NeverWritesOverAHeldInput) {
  GraphBuilder g("net", nullptr);
  const ValueId x = g.input("x", {1, 4, 4, 16});
  const ValueId held = g.input("held", {1, 4, 4, 16});
  const ValueId first = g.silu(held);  // would run in place
  g.output("y", g.conv2d(g.conv2d(g.add(x, first), WeightScope("a"), 16), WeightScope("b"), 16));
  const auto graph = g.finish();
  ASSERT_TRUE(graph.has_value());
  const MemoryPlan plan = plan_memory(*graph, std::array{held});
  const auto buffer = static_cast<size_t>(plan.buffer_of_value[static_cast<size_t>(held)]);
  EXPECT_NE(plan.buffer_of_value[static_cast<size_t>(first)], static_cast<int>(buffer));
  EXPECT_EQ(plan.buffers[buffer].first_step, -1);
  EXPECT_EQ(plan.buffers[buffer].last_step, static_cast<int>(graph->nodes().size()));
  expect_no_overlap(plan.buffers, plan.offset_of_buffer);
}

TEST(PlanMemory, AChainNeedsOnlyTwoBuffersHoweverLong) {
  GraphBuilder g("net", nullptr);
  ValueId x = g.input("x", {1, 16, 16, 32});
  for (int layer = 0; layer < 20; ++layer) x = g.conv2d(x, WeightScope("conv") / layer, 32);
  g.output("y", x);
  const auto graph = g.finish();
  ASSERT_TRUE(graph.has_value());
  const MemoryPlan plan = plan_memory(*graph);
  EXPECT_EQ(plan.arena_bytes, 2 * 16 * 16 * 32 * 4);
  EXPECT_EQ(plan.peak_live_bytes, plan.arena_bytes);
}

}  // namespace
}  // namespace edgefusion::engine
