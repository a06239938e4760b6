#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/simulate.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// What one kind of command costs in all: loads of a tensor, stores of it, or an op's work.
struct CostItem {
  int group = 0;
  EngineKind engine = EngineKind::dma;
  Action action = Action::compute;
  std::string what;     ///< the tensor, or the op
  std::string purpose;  ///< kind of the op; of loads, of the next one that takes what was loaded
  int64_t commands = 0, bytes = 0, macs = 0;
  double cycles = 0;     ///< its engine is busy with it
  double hand_over = 0;  ///< cycles in which its engine waits for what another kind of engine made
};

/// One item for each group, action and tensor or op, in the order of their first commands.
std::vector<CostItem> breakdown(const Device& device, const Work& work, const Schedule& schedule,
                                const Timeline& timeline);

}  // namespace edgefusion::npu
