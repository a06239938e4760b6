#pragma once

#include <cstdint>
#include <string>

#include "npu/device.h"
#include "npu/plan.h"
#include "npu/plan_file.h"
#include "npu/reasons.h"
#include "npu/schedule.h"
#include "npu/search.h"
#include "npu/simulate.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A network's plan with all that follows from it.
struct PlannedRun {
  Work work;
  int64_t runs = 1;  ///< for one picture
  Plan plan;
  Schedule schedule;  ///< that has passed verify()
  Timeline timeline;
  Timeline op_by_op;  ///< of the same network, op after op: a group for each op
  Reasons reasons;

  /// Most that is taken on the chip by a group's slots and what stays meanwhile.
  int64_t on_chip_peak() const;
  /// The kind of engine with the largest share of busy time, and that share.
  EngineKind busiest(const Device& device) const;
  double utilisation(const Device& device, EngineKind kind) const;
};

/// How a plan is made.
struct PlanOptions {
  bool op_by_op = false;  ///< by op_by_op() instead of search()
  SearchOptions search = {};
};
/// Makes a plan for it. Errors: those of search(); a plan that does not pass verify().
Result<PlannedRun> plan_run(const Device& device, Work work, int64_t runs,
                            const PlanOptions& options = {});
/// What follows from a plan that is there. Errors: those of emit_plan() and verify().
Result<PlannedRun> run_of_plan(const Device& device, Work work, Plan plan, int64_t runs);

/// As a plan file has it, with the reasons that cost most.
PlannedNetwork planned_network(const PlannedRun& run);

}  // namespace edgefusion::npu
