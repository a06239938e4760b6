#include <algorithm>

#include "npu/hazard_tracker.h"
#include "npu/simulate.h"

namespace edgefusion::npu {
namespace {

/// Nothing is known of what ends when.
struct NoOrder {
  static bool implies(int32_t, int32_t) { return false; }
};

}  // namespace

std::vector<std::vector<int32_t>> hazards(const Schedule& schedule) {
  HazardTracker<NoOrder> tracker(schedule, {});
  std::vector<std::vector<int32_t>> result(schedule.commands.size());
  for (size_t i = 0; i < schedule.commands.size(); ++i) {
    std::vector<int32_t>& earlier = result[i];
    tracker.visit(static_cast<int32_t>(i), schedule.commands[i],
                  [&](int32_t command) { earlier.push_back(command); });
    std::ranges::sort(earlier);
    earlier.erase(std::unique(earlier.begin(), earlier.end()), earlier.end());
  }
  return result;
}

}  // namespace edgefusion::npu
