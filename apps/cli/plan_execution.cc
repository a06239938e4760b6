#include "cli/plan_execution.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/progress_bar.h"
#include "npu/execution_check.h"

namespace edgefusion::cli {
namespace {

std::string described(const npu::ExecutionCheck& check) {
  if (check.same_bits) return "the same bits as the untiled graph";
  return fmt::format("within {:.1e} of the untiled graph's largest ({}; bound {:.0e})",
                     check.largest, check.output, npu::kExecutionBound);
}

}  // namespace

Result<std::string> execute_plans(const ModelToPlan& model, const npu::Device& device,
                                  std::span<const npu::PlannedRun> runs) {
  std::string lines;
  ProgressBar bar;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string& name = runs[i].work.name;
    bar.update("executing " + name, i, runs.size());
    const auto network = std::ranges::find(model.networks, name, &NetworkToPlan::name);
    EF_CHECK(network != model.networks.end(), name + " is planned but not there");
    const npu::ExecutionCheck check = npu::check_execution(device, runs[i], *network->weights);
    if (!check.holds()) {
      return fail(ErrorCode::unsupported,
                  fmt::format("{}: executed in tiles: {}: expected at most {:.0e} from the untiled "
                              "graph, found {:.1e}",
                              name, check.output, npu::kExecutionBound, check.largest));
    }
    lines += fmt::format("{:<14} executed: {}\n", name, described(check));
  }
  return lines;
}

}  // namespace edgefusion::cli
