#pragma once

#include "core/result.h"
#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// Walks the schedule and proves, without knowing how it was made, that it is a right one:
/// - every slot lies within on-chip memory, aligned; streamed slots share no bank with a slot that
///   is taken at the same time;
/// - whatever is read was written before and not overwritten since, element for element (by another
///   content of the slot, or by another slot on the same bytes), and is of the tensor it says;
/// - every op computes every element of its result (of what is needed of it) from all it needs,
///   each sum takes each of its places or keys exactly once, and every output is stored;
/// - commands keep to what the device does.
/// Errors: invalid_argument, one line naming command, slot and boxes. Whatever numbers a schedule
/// holds, they are looked at before they are used.
Status verify(const Device& device, const Work& work, const Schedule& schedule);

}  // namespace edgefusion::npu
