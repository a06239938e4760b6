#pragma once

#include <string>
#include <vector>

#include "npu/device.h"
#include "npu/planned_run.h"

namespace edgefusion::npu {

struct PlanReportTitle {
  std::string model;
  int width = 0, height = 0;  ///< pixels
  int steps = 1;
};

/// A plan as one HTML page that needs nothing else: for each network when its engines work, what
/// lies where on the chip, DRAM traffic before and after, and why it takes the time it takes. It
/// reads well without script, in light and dark.
std::string plan_report_html(const Device& device, const PlanReportTitle& title,
                             const std::vector<PlannedRun>& runs);

}  // namespace edgefusion::npu
