#include "npu/planned_run.h"

#include <algorithm>
#include <utility>

#include "npu/emit.h"
#include "npu/search.h"
#include "npu/verify.h"

namespace edgefusion::npu {
namespace {

constexpr size_t kReasonsInFile = 100;

Result<Schedule> verified(const Device& device, const Work& work, const Plan& plan) {
  EF_TRY(Schedule schedule, emit_plan(device, work, plan));
  if (auto status = verify(device, work, schedule); !status) {
    return fail(std::move(status).error().with_context(device.name + ": " + work.name));
  }
  return schedule;
}

}  // namespace

int64_t PlannedRun::on_chip_peak() const {
  std::vector<int64_t> taken(plan.groups.size(), 0);
  // Slots of what stays come first.
  for (size_t i = plan.residences.size(); i < schedule.slots.size(); ++i) {
    int64_t& group = taken[static_cast<size_t>(schedule.slots[i].first_group)];
    group = std::max(group, schedule.slots[i].offset + schedule.slots[i].bytes);
  }
  for (const Residence& stays : plan.residences) {
    for (int g = stays.first_group; g <= stays.last_group; ++g) {
      taken[static_cast<size_t>(g)] += work.tensor(stays.tensor).bytes();
    }
  }
  return taken.empty() ? 0 : *std::ranges::max_element(taken);
}

double PlannedRun::utilisation(const Device& device, EngineKind kind) const {
  const Totals& totals = timeline.totals;
  if (totals.cycles <= 0) return 0;
  return totals.busy[static_cast<size_t>(kind)] / totals.cycles / unit_count(device, kind);
}

EngineKind PlannedRun::busiest(const Device& device) const {
  EngineKind most = EngineKind::tensor;
  for (size_t i = 0; i < kEngineKinds; ++i) {
    const auto kind = static_cast<EngineKind>(i);
    if (utilisation(device, kind) > utilisation(device, most)) most = kind;
  }
  return most;
}

Result<PlannedRun> plan_run(const Device& device, Work work, int64_t runs,
                            const PlanOptions& options) {
  EF_TRY(Plan plan,
         options.op_by_op ? op_by_op(device, work) : search(device, work, options.search));
  return run_of_plan(device, std::move(work), std::move(plan), runs);
}

Result<PlannedRun> run_of_plan(const Device& device, Work work, Plan plan, int64_t runs) {
  PlannedRun run{.work = std::move(work), .runs = runs, .plan = std::move(plan)};
  EF_TRY(run.schedule, verified(device, run.work, run.plan));
  run.timeline = simulate(device, run.work, run.schedule);
  EF_TRY(const Plan plain, op_by_op(device, run.work));
  EF_TRY(const Schedule plain_schedule, verified(device, run.work, plain));
  run.op_by_op = simulate(device, run.work, plain_schedule);
  run.reasons = explain(device, run.work, run.plan, run.schedule, run.timeline);
  return run;
}

PlannedNetwork planned_network(const PlannedRun& run) {
  PlannedNetwork network = planned_network(run.work, run.plan, run.schedule, run.timeline);
  network.runs = run.runs;
  network.op_by_op = planned_cost(run.op_by_op.totals);
  network.reasons = top_reasons(run.reasons, kReasonsInFile);
  return network;
}

}  // namespace edgefusion::npu
