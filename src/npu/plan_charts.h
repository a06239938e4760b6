#pragma once

#include <string>

#include "npu/device.h"
#include "npu/planned_run.h"

namespace edgefusion::npu {

// Charts of one network's plan as inline SVG; a group's or tensor's name shows under a pointer.

/// "12: first op to last op".
std::string group_title(const PlannedRun& run, int group);

/// When each engine works, in ms: a lane for each. What follows closely on one lane is drawn
/// together, so that there are at most 2000 rectangles.
std::string plan_timeline_chart(const Device& device, const PlannedRun& run);
/// What lies where on the chip during each group: results that stay, and what groups use alone.
std::string memory_map_chart(const Device& device, const PlannedRun& run);
/// DRAM bytes of each group, beside those of the same ops one by one.
std::string traffic_chart(const PlannedRun& run);

/// DRAM bytes of a group's ops when run one by one.
double op_by_op_bytes(const PlannedRun& run, const Group& group);

}  // namespace edgefusion::npu
