#include "npu/refine.h"

#include <algorithm>
#include <optional>

#include "npu/emit.h"
#include "npu/group_shape.h"
#include "npu/simulate.h"
#include "npu/tiling_choice.h"

namespace edgefusion::npu {
namespace {

constexpr size_t kShort = 400;  // commands; a simulation takes some 0.1 ms
constexpr int kMostSweeps = 4;
constexpr size_t kJoined = 2;          // plans of which two or three groups are tried together
constexpr size_t kFewGroups = 4;       // of these
constexpr double kMostTogether = 1e5;  // tilings of groups that are tried together

struct Simulated {
  double cycles = 0;
  size_t commands = 0;
};

std::optional<Simulated> simulated(const Device& device, const Work& work, const Plan& plan) {
  const auto schedule = emit_plan(device, work, plan);
  if (!schedule) return std::nullopt;
  return Simulated{simulated_cycles(device, work, *schedule), schedule->commands.size()};
}

std::vector<Tiling> candidates(const Device& device, const Work& work, const Group& group) {
  return tiling_candidates(device, work, *group_shape(work, group.first, group.end),
                           device.memory.bytes);
}

/// Takes the plan if it is faster.
bool take(const Device& device, const Work& work, const Plan& plan, Refined& best) {
  const auto result = simulated(device, work, plan);
  if (!result || result->cycles >= best.cycles) return false;
  best.plan = plan;
  best.cycles = result->cycles;
  return true;
}

/// Tries all tilings of one group; whether one was better.
bool improve_group(const Device& device, const Work& work, size_t index, Refined& best) {
  bool improved = false;
  Plan plan = best.plan;
  for (const Tiling& tiling : candidates(device, work, plan.groups[index])) {
    plan.groups[index].tiling = tiling;
    improved = take(device, work, plan, best) || improved;
  }
  return improved;
}

/// Of groups that follow each other, together: what one leaves undone the next may hide.
class Joint {
 public:
  Joint(const Device& device, const Work& work, Refined& best)
      : device_(device), work_(work), best_(best), plan_(best.plan) {}

  void improve(size_t first, size_t count) {
    double product = 1;
    choices_.clear();
    for (size_t i = 0; i < count; ++i) {
      choices_.push_back(candidates(device_, work_, plan_.groups[first + i]));
      product *= static_cast<double>(choices_.back().size());
    }
    if (product > kMostTogether) return;
    first_ = first;
    plan_ = best_.plan;
    try_all(0);
  }

 private:
  void try_all(size_t depth) {
    if (depth == choices_.size()) {
      take(device_, work_, plan_, best_);
      return;
    }
    for (const Tiling& tiling : choices_[depth]) {
      plan_.groups[first_ + depth].tiling = tiling;
      try_all(depth + 1);
    }
  }

  const Device& device_;
  const Work& work_;
  Refined& best_;
  Plan plan_;
  std::vector<std::vector<Tiling>> choices_;
  size_t first_ = 0;
};

/// As long as the tiling of some group can be bettered alone.
void improve_groups(const Device& device, const Work& work, Refined& best) {
  bool goes_on = true;
  for (int sweep = 0; goes_on && sweep < kMostSweeps; ++sweep) {
    goes_on = false;
    for (size_t g = 0; g < best.plan.groups.size(); ++g) {
      goes_on = improve_group(device, work, g, best) || goes_on;
    }
  }
}

}  // namespace

Refined refine(const Device& device, const Work& work, const std::vector<Plan>& plans,
               bool improve) {
  std::vector<Refined> all;
  bool are_short = improve;
  for (const Plan& plan : plans) {
    const auto result = simulated(device, work, plan);
    if (!result) continue;
    all.push_back({plan, result->cycles, true});
    are_short = are_short && result->commands <= kShort;
    if (are_short) improve_groups(device, work, all.back());
  }
  if (all.empty()) return {};
  std::ranges::stable_sort(all, {}, &Refined::cycles);
  all.resize(std::min(all.size(), kJoined));
  for (Refined& plan : all) {
    const size_t groups = plan.plan.groups.size();
    if (!are_short || groups > kFewGroups) continue;
    for (size_t count = 2; count <= std::min<size_t>(groups, 3); ++count) {
      for (size_t g = 0; g + count <= groups; ++g) Joint(device, work, plan).improve(g, count);
    }
  }
  return *std::ranges::min_element(all, {}, &Refined::cycles);
}

}  // namespace edgefusion::npu
