#pragma once

#include <string>
#include <vector>

#include "cli/plan_networks.h"
#include "npu/device.h"
#include "npu/planned_run.h"

namespace edgefusion::cli {

/// What `plan` prints: a line for each network, one for the whole picture, and why it takes that
/// long.
std::string plan_summary(const npu::Device& device, const ModelToPlan& model,
                         const std::vector<npu::PlannedRun>& runs);

}  // namespace edgefusion::cli
