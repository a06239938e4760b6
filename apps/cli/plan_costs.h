#pragma once

#include <string>
#include <vector>

#include "npu/device.h"
#include "npu/planned_run.h"

namespace edgefusion::cli {

/// npu::breakdown() of each network as JSON; docs/plan.md has the fields.
std::string costs_json(const npu::Device& device, const std::vector<npu::PlannedRun>& runs);

}  // namespace edgefusion::cli
