#pragma once

#include "core/result.h"
#include "npu/device.h"
#include "npu/schedule.h"

namespace edgefusion::npu {

/// Every slot lies within on-chip memory, aligned, in groups and steps that exist; what DMA fills
/// shares no bank with a slot that is taken at the same time. Errors: one line naming the slots.
Status check_slots(const Device& device, const Schedule& schedule);

}  // namespace edgefusion::npu
