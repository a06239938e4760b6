#pragma once

#include <cstdint>
#include <vector>

#include "npu/device.h"
#include "npu/group_shape.h"
#include "npu/plan.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// All tilings worth a thought, largest tiles first.
std::vector<Tiling> tiling_candidates(const Device& device, const Work& work,
                                      const GroupShape& shape, int64_t memory_limit);

}  // namespace edgefusion::npu
