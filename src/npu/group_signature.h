#pragma once

#include <cstdint>
#include <vector>

#include "npu/emit.h"
#include "npu/group_shape.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// What tells a group from others as far as costs go: its ops, how they hang together, the sizes of
/// their tensors, what lies on the chip. Groups of equal signatures have equal tilings, with `held`
/// ops counted from the first.
std::vector<int64_t> group_signature(const Work& work, const GroupShape& shape,
                                     const std::vector<Resident>& residents);

}  // namespace edgefusion::npu
