#pragma once

#include <string_view>

#include "core/result.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// The ops alone whose names begin with `prefix` (an attention: "...attn1"), as a network of their
/// own: what they take from others comes from DRAM, what others take of them goes there.
/// Errors: invalid_argument, no op of that name (with the nearest).
Result<Work> part_of(const Work& work, std::string_view prefix);

}  // namespace edgefusion::npu
