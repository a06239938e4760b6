#include "npu/simulate.h"

#include <algorithm>

#include "npu/hazard_tracker.h"

namespace edgefusion::npu {
namespace {

struct Done {
  double end = 0;  ///< cycles
  EngineKind engine = EngineKind::vector;
};

/// Of two commands of one kind of engine the one that ends last is worth waiting for.
struct LastOfKind {
  const std::vector<Done>* done;
  bool implies(int32_t a, int32_t b) const {
    const Done& first = (*done)[static_cast<size_t>(a)];
    const Done& second = (*done)[static_cast<size_t>(b)];
    return first.engine == second.engine && first.end >= second.end;
  }
};

/// When each engine of a kind is free.
using Units = std::vector<double>;

std::array<Units, kEngineKinds> all_units(const Device& device) {
  return {Units(static_cast<size_t>(device.tensor.count)),
          Units(static_cast<size_t>(device.vector.count)),
          Units(static_cast<size_t>(device.dma.channels)), Units(1)};
}

/// tell(index, span, cost) of each command, in order. A command takes the unit that is free first,
/// and with fixed order that makes all times monotone: the sorted times at which units are free,
/// and with them every begin and end, only ever grow with the cycles of any command.
template <typename Tell>
void run(const Device& device, const Work& work, const Schedule& schedule, const Tell& tell) {
  std::array<Units, kEngineKinds> units = all_units(device);
  std::vector<Done> done(schedule.commands.size());
  HazardTracker<LastOfKind> hazards(schedule, {&done});
  const auto hand_over = static_cast<double>(device.hand_over_cycles);
  for (size_t i = 0; i < schedule.commands.size(); ++i) {
    const Command& command = schedule.commands[i];
    const CommandCost cost = command_cost(device, work, command);
    Units& mine = units[static_cast<size_t>(cost.engine)];
    const auto unit = std::ranges::min_element(mine);
    Span span{.begin = *unit, .engine = cost.engine, .unit = static_cast<int>(unit - mine.begin())};
    const auto wait_for = [&](int32_t earlier, double until) {
      if (until <= span.begin) return;
      span.begin = until;
      span.waited_for = earlier;
    };
    if (!device.concurrent && i > 0) wait_for(static_cast<int32_t>(i) - 1, done[i - 1].end);
    hazards.visit(static_cast<int32_t>(i), command, [&](int32_t earlier) {
      const Done& other = done[static_cast<size_t>(earlier)];
      wait_for(earlier, other.end + (other.engine == cost.engine ? 0.0 : hand_over));
    });
    span.waited = span.begin - *unit;
    span.end = *unit = span.begin + cost.cycles;
    done[i] = {span.end, cost.engine};
    tell(i, span, cost);
  }
}

void add(const CommandCost& cost, double picojoules, Totals& totals) {
  totals.busy[static_cast<size_t>(cost.engine)] += cost.cycles;
  totals.macs += cost.macs;
  totals.vector_elements += cost.vector_elements;
  totals.dram_bytes_read += cost.dram_bytes_read;
  totals.dram_bytes_written += cost.dram_bytes_written;
  totals.on_chip_bytes += cost.on_chip_bytes;
  totals.picojoules += picojoules;
}

double picojoules(const Energy& energy, const Work& work, const Command& command,
                  const CommandCost& cost) {
  const int64_t dram_bytes = cost.dram_bytes_read + cost.dram_bytes_written;
  double total = static_cast<double>(cost.vector_elements) * energy.per_vector_element +
                 static_cast<double>(dram_bytes) * energy.per_dram_byte +
                 static_cast<double>(cost.on_chip_bytes) * energy.per_on_chip_byte;
  if (cost.macs > 0) {
    const auto arithmetic = static_cast<size_t>(work.op(command.op).arithmetic);
    total += static_cast<double>(cost.macs) * energy.per_mac[arithmetic];
  }
  return total;
}

}  // namespace

Timeline simulate(const Device& device, const Work& work, const Schedule& schedule) {
  Timeline timeline;
  timeline.spans.reserve(schedule.commands.size());
  timeline.groups.resize(static_cast<size_t>(schedule.groups));
  run(device, work, schedule, [&](size_t index, const Span& span, const CommandCost& cost) {
    const Command& command = schedule.commands[index];
    timeline.spans.push_back(span);
    const double energy = device.energy ? picojoules(*device.energy, work, command, cost) : 0.0;
    const auto group = static_cast<size_t>(command.group);
    if (group >= timeline.groups.size()) timeline.groups.resize(group + 1);
    add(cost, energy, timeline.totals);
    add(cost, energy, timeline.groups[group]);
    // What a group adds to the time is what it ends later than all before it.
    timeline.groups[group].cycles += std::max(0.0, span.end - timeline.totals.cycles);
    timeline.totals.cycles = std::max(timeline.totals.cycles, span.end);
  });
  return timeline;
}

double simulated_cycles(const Device& device, const Work& work, const Schedule& schedule) {
  double cycles = 0;
  run(device, work, schedule,
      [&](size_t, const Span& span, const CommandCost&) { cycles = std::max(cycles, span.end); });
  return cycles;
}

std::vector<double> simulated_ends(const Device& device, const Work& work, const Schedule& schedule,
                                   std::span<const size_t> marks) {
  std::vector<double> ends;
  double end = 0;
  run(device, work, schedule, [&](size_t index, const Span& span, const CommandCost&) {
    end = std::max(end, span.end);
    while (ends.size() < marks.size() && marks[ends.size()] == index + 1) ends.push_back(end);
  });
  ends.resize(marks.size(), end);
  return ends;
}

}  // namespace edgefusion::npu
