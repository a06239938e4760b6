#include "npu/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "npu/emit.h"
#include "npu/group_shape.h"
#include "npu/simulate.h"
#include "npu/testing/given_device.h"
#include "npu/tiling_choice.h"
#include "npu/verify.h"

namespace edgefusion::npu {
namespace {

using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

// Where each plan takes ten times as long, fewer devices have to do.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

double cycles_of(const Device& device, const Work& work, const Plan& plan) {
  const auto schedule = emit_plan(device, work, plan);
  if (!schedule) return std::numeric_limits<double>::infinity();
  return simulated_cycles(device, work, *schedule);
}

/// Every plan there is for a few ops: every cut into groups, every tiling of each, every set of
/// results that stay (at every place the search may give them: stacked from the top).
class EveryPlan {
 public:
  EveryPlan(const Device& device, const Work& work) : device_(device), work_(work) { cut(0); }
  double best() const { return best_; }
  int64_t seen() const { return seen_; }

 private:
  void cut(OpId begin) {
    const auto count = static_cast<OpId>(work_.ops.size());
    if (begin == count) return keep(0);
    for (OpId end = begin + 1; end <= count; ++end) {
      const auto shape = group_shape(work_, begin, end);
      if (!shape) continue;
      plan_.groups.push_back({begin, end, {}});
      cut(end);
      plan_.groups.pop_back();
    }
  }

  int group_of(OpId op) const {
    int group = 0;
    while (op >= plan_.groups[static_cast<size_t>(group)].end) ++group;
    return group;
  }

  /// Results from tensor `from` on stay or do not.
  void keep(size_t from) {
    for (size_t id = from; id < work_.tensors.size(); ++id) {
      const NpuTensor& tensor = work_.tensors[id];
      if (tensor.producer < 0 || tensor.users.empty()) continue;
      const int first = group_of(tensor.producer), last = group_of(tensor.users.back());
      if (first == last) continue;
      keep(id + 1);
      int64_t offset = device_.memory.bytes - tensor.bytes();
      for (const Residence& other : plan_.residences) {
        if (other.last_group >= first && other.first_group <= last) {
          offset = std::min(offset, other.offset - tensor.bytes());
        }
      }
      offset = offset / device_.memory.alignment * device_.memory.alignment;
      if (offset < 0) return;
      plan_.residences.push_back({static_cast<TensorId>(id), first, last, offset});
      keep(id + 1);
      plan_.residences.pop_back();
      return;
    }
    tile(0);
  }

  void tile(size_t group) {
    if (group == plan_.groups.size()) {
      ++seen_;
      best_ = std::min(best_, cycles_of(device_, work_, plan_));
      return;
    }
    Group& here = plan_.groups[group];
    const auto shape = group_shape(work_, here.first, here.end);
    for (const Tiling& tiling : tiling_candidates(device_, work_, *shape, device_.memory.bytes)) {
      here.tiling = tiling;
      tile(group + 1);
    }
  }

  const Device& device_;
  const Work& work_;
  Plan plan_;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t seen_ = 0;
};

graph::Graph three_ops(int variant) {
  GraphBuilder g("small", nullptr);
  const WeightScope root;
  ValueId x = g.input("x", {1, 4, 2, 16});
  switch (variant) {
    case 0:  // a chain with halos
      x = g.conv2d(x, root / "a", 16);
      x = g.silu(x);
      x = g.conv2d(x, root / "b", 8);
      break;
    case 1:  // a result that two others read
    {
      const ValueId a = g.conv2d(x, root / "a", 16, {.kernel = 1, .padding = 0});
      x = g.add(g.silu(a), a);
      break;
    }
    case 2:  // statistics in between
      x = g.group_norm(x, root / "n", 4, 1e-5f);
      x = g.conv2d(x, root / "a", 24, {.kernel = 1, .padding = 0});
      break;
    default:  // an attention
      x = g.reshape(x, {1, 8, 16});
      x = g.attention({.q = x, .k = x, .v = x}, {.heads = 2, .scale = 0.5f});
      break;
  }
  g.output("y", x);
  return *g.finish();
}

TEST(Search, IsWithinTwoPercentOfTheBestPlanThereIs) {
  for (int variant = 0; variant < 4; ++variant) {
    const graph::Graph graph = three_ops(variant);
    // Of attention there are a quarter of a million plans.
    for (const int64_t kilobytes :
         variant == 3 ? std::vector<int64_t>{2} : std::vector<int64_t>{1, 4}) {
      for (const bool concurrent : {false, true}) {
        if (kIsSanitized && (concurrent || kilobytes > 2)) continue;
        Device device = given_device(kilobytes << 10, 8);
        device.concurrent = concurrent;
        device.hand_over_cycles = 20;
        device.dma.setup_cycles = 10;
        const auto work = make_work(graph, device, {});
        ASSERT_TRUE(work.has_value()) << work.error().message();
        const EveryPlan every(device, *work);
        const auto plan = search(device, *work);
        SCOPED_TRACE("variant " + std::to_string(variant) + ", " + std::to_string(kilobytes) +
                     " KiB, concurrent " + std::to_string(concurrent) + ", of " +
                     std::to_string(every.seen()) + " plans");
        if (!plan) {
          EXPECT_TRUE(std::isinf(every.best())) << plan.error().message();
          continue;
        }
        EXPECT_LE(cycles_of(device, *work, *plan), 1.02 * every.best());
      }
    }
  }
}

TEST(Search, GivesPlansThatAreVerifiedAndNoSlowerThanOpByOp) {
  for (int variant = 0; variant < 4; ++variant) {
    const graph::Graph graph = three_ops(variant);
    const Device device = given_device(8 << 10, 8);
    const auto work = make_work(graph, device, {});
    ASSERT_TRUE(work.has_value());
    const auto plan = search(device, *work), plain = op_by_op(device, *work);
    ASSERT_TRUE(plan.has_value() && plain.has_value());
    const auto schedule = emit_plan(device, *work, *plan);
    ASSERT_TRUE(schedule.has_value());
    EXPECT_TRUE(verify(device, *work, *schedule).has_value());
    EXPECT_LE(cycles_of(device, *work, *plan), cycles_of(device, *work, *plain));
  }
}

TEST(Search, NamesTheOpThatFitsWithNoTiling) {
  const graph::Graph graph = three_ops(0);
  const Device device = given_device(512, 2);
  const auto work = make_work(graph, device, {});
  ASSERT_TRUE(work.has_value());
  const auto plan = search(device, *work);
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message(),
              testing::MatchesRegex("test-npu: small: a \\(conv2d\\): its smallest tile takes "
                                    "[0-9]+ bytes on the chip, which has 512"));
}

}  // namespace
}  // namespace edgefusion::npu
