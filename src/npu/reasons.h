#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "npu/device.h"
#include "npu/plan.h"
#include "npu/plan_file.h"
#include "npu/schedule.h"
#include "npu/simulate.h"
#include "npu/work.h"

namespace edgefusion::npu {

enum class ReasonKind : uint8_t {
  weights,        ///< read once: nothing stays on the chip from one run to the next
  weights_again,  ///< of one layer, read more than once
  boundary,       ///< an input or output of the network
  spilled,        ///< a tensor that is made here, and goes to DRAM and back
  host,           ///< an op that the host does
  recomputed,     ///< what neighbouring tiles both make
  wait,           ///< an engine stands still
  set_up,         ///< cycles that commands take before they do something
  alignment,      ///< what rounding up to the sides of the array costs
};
std::string_view to_string(ReasonKind kind);

/// Why a plan takes some of its time.
struct Reason {
  ReasonKind kind = ReasonKind::weights;
  std::string text;  ///< names the tensor, op or engine, with its figures
  /// Cycles its engine is busy with it, or stands still; of waits, set-up and alignment the mean
  /// over the units of a kind. Where engines work side by side these
  /// overlap, and the network gains less than this without it.
  double cycles = 0;
  int64_t bytes_read = 0, bytes_written = 0;  ///< DRAM
  int64_t macs = 0;                           ///< those that were done again
};

struct Reasons {
  std::vector<Reason> all;  ///< those of the most cycles first
  /// For each command the reason why it moves data to or from DRAM; -1: it moves none.
  std::vector<int32_t> of_command;
};

/// Why the plan takes the time it takes. Each byte that goes to or from DRAM is in one reason.
/// `timeline` is that of simulate(device, work, schedule).
Reasons explain(const Device& device, const Work& work, const Plan& plan, const Schedule& schedule,
                const Timeline& timeline);

/// The first `count`, and the rest of each kind summed up, for files and reports.
std::vector<PlannedReason> top_reasons(const Reasons& reasons, size_t count);

}  // namespace edgefusion::npu
