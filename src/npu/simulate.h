#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "npu/cost.h"
#include "npu/device.h"
#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// For each command the earlier ones it must wait for, in order: those that wrote data it reads
/// (from slots and DRAM), those that read or wrote places it overwrites, also under other slots
/// whose bytes overlap. Left out are those that one of these waited for because it overwrote the
/// same places. `offset`s must be given.
std::vector<std::vector<int32_t>> hazards(const Schedule& schedule);

struct Span {
  double begin = 0, end = 0;  ///< cycles
  EngineKind engine = EngineKind::vector;
  int unit = 0;  ///< which of the engines or channels
  /// Cycles its engine stood still before it, and the command that ended last of those waited for
  /// (-1: none).
  double waited = 0;
  int32_t waited_for = -1;
};

struct Totals {
  double cycles = 0;
  std::array<double, kEngineKinds> busy{};  ///< summed over the units of a kind
  int64_t macs = 0, vector_elements = 0;
  int64_t dram_bytes_read = 0, dram_bytes_written = 0, on_chip_bytes = 0;
  double picojoules = 0;  ///< 0 where the device gives none
};

struct Timeline {
  std::vector<Span> spans;  ///< of each command
  Totals totals;
  std::vector<Totals> groups;  ///< cycles: from the end of the groups before to its own end
};

/// Runs the schedule on the device's clocks: a queue for each kind of engine, from which the unit
/// that is free first takes the next command in order; a command starts when its unit is free and
/// all it waits for has ended, hand_over_cycles later where another kind of engine made that. With
/// `concurrent` off, commands run one by one in order. On the same schedule no command ends later
/// on a device that is better in some rate, in cycles of set-up or hand-over, or in its count of
/// engines. Takes less than a microsecond a command.
Timeline simulate(const Device& device, const Work& work, const Schedule& schedule);

/// Cycles alone.
double simulated_cycles(const Device& device, const Work& work, const Schedule& schedule);
/// When all commands before each of `marks` (ascending) have ended, for a search that asks often.
std::vector<double> simulated_ends(const Device& device, const Work& work, const Schedule& schedule,
                                   std::span<const size_t> marks);

}  // namespace edgefusion::npu
