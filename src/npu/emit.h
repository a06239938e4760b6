#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "core/result.h"
#include "npu/device.h"
#include "npu/group_shape.h"
#include "npu/plan.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A tensor that lies whole in a slot of the schedule while a group runs.
struct Resident {
  TensorId tensor = kNoTensor;
  int slot = -1;
  bool stored = false;  ///< made in this group, and somebody reads it from DRAM later
};

/// What a group's commands are made from.
struct GroupSetting {
  const GroupShape* shape = nullptr;
  Tiling tiling;
  int group = 0;
  std::vector<Resident> residents;
  /// Slots of the group lie in [0, memory_limit).
  int64_t memory_limit = 0;
  /// For estimates: no more tiles than these are written down, and slots are sized by a few of them
  /// unless `all_sizes`.
  size_t most_tiles = std::numeric_limits<size_t>::max();
  bool all_sizes = true;
};

/// How many tiles a group has (times parts, if these are outside), and where the commands of each
/// that was written down end.
struct GroupTiles {
  size_t total = 0;
  std::vector<size_t> ends;
};

/// Appends slots (placed) and commands of a group.
/// Errors: resource_exhausted, with the bytes it takes and the limit; invalid_argument, a tiling
/// that does not go with the group.
Result<GroupTiles> emit_group(const Device& device, const Work& work, const GroupSetting& setting,
                              Schedule& schedule);

/// The whole plan. Errors: those of emit_group, with the group's name.
Result<Schedule> emit_plan(const Device& device, const Work& work, const Plan& plan);

}  // namespace edgefusion::npu
