#pragma once

#include <vector>

#include "npu/reasons.h"

namespace edgefusion::npu {

/// The part of explain() that is not of DRAM: what is computed again, waits, set-up, alignment.
std::vector<Reason> engine_reasons(const Device& device, const Work& work, const Plan& plan,
                                   const Schedule& schedule, const Timeline& timeline);

}  // namespace edgefusion::npu
