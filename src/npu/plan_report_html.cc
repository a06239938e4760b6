#include "npu/plan_report_html.h"

namespace edgefusion::npu {

std::string plan_report_html(const Device&, const PlanReportTitle&,
                             const std::vector<PlannedRun>&) {
  return "<!DOCTYPE html>\n";
}

}  // namespace edgefusion::npu
