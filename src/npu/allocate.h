#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"
#include "npu/device.h"
#include "npu/schedule.h"

namespace edgefusion::npu {

/// Gives slots of one group their offsets in [0, limit): the largest first, each at the lowest
/// place that is free in all its steps, aligned; streamed ones in banks of their own. Errors:
/// resource_exhausted, with the bytes they take and the limit.
Status allocate(const Device& device, std::span<Slot> slots, int64_t limit);

}  // namespace edgefusion::npu
