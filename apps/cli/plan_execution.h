#pragma once

#include <span>
#include <string>

#include "cli/plan_networks.h"
#include "core/result.h"
#include "npu/device.h"
#include "npu/planned_run.h"

namespace edgefusion::cli {

/// Runs each plan tile by tile on the CPU beside its network untiled, on made-up inputs. The
/// networks have weights. Gives a line for each, or the error of the first whose outputs are too
/// far apart.
Result<std::string> execute_plans(const ModelToPlan& model, const npu::Device& device,
                                  std::span<const npu::PlannedRun> runs);

}  // namespace edgefusion::cli
