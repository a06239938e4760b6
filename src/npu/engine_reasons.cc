#include "npu/engine_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "npu/cost.h"
#include "npu/planned_run.h"

namespace edgefusion::npu {
namespace {

std::string group_name(const Work& work, const Plan& plan, int group) {
  return fmt::format("g{:03} {}", group,
                     work.op(plan.groups[static_cast<size_t>(group)].first).name);
}

/// What the commands of one op do.
struct Done {
  double cycles = 0;
  double set_up = 0;
  int64_t elements = 0, places = 0, macs = 0, commands = 0;
};

std::vector<Done> done_by_op(const Device& device, const Work& work, const Schedule& schedule) {
  std::vector<Done> all(work.ops.size());
  for (const Command& command : schedule.commands) {
    if (command.action != Action::compute) continue;
    const CommandCost cost = command_cost(device, work, command);
    Done& done = all[static_cast<size_t>(command.op)];
    done.cycles += cost.cycles;
    done.set_up +=
        static_cast<double>(cost.engine == EngineKind::tensor ? device.tensor.setup_cycles
                                                              : device.vector.setup_cycles);
    done.elements += command.part == Part::all ? command.out.elements() : 0;
    done.macs += cost.macs;
    ++done.commands;
  }
  return all;
}

/// Elements that neighbouring tiles both make, by group.
void add_recomputed(const Work& work, const Plan& plan, const std::vector<Done>& done,
                    std::vector<Reason>& reasons) {
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    Reason reason{.kind = ReasonKind::recomputed, .text = {}};
    int64_t ops = 0;
    double most = 0, lines = 0;
    OpId worst = -1;
    for (OpId id = plan.groups[g].first; id < plan.groups[g].end; ++id) {
      const Done& all = done[static_cast<size_t>(id)];
      const NpuTensor& made = work.tensor(work.op(id).output);
      const int64_t again = all.elements - made.box().elements();
      if (again <= 0) continue;
      const double share = static_cast<double>(again) / static_cast<double>(all.elements);
      ++ops;
      reason.cycles += all.cycles * share;
      if (work.op(id).is_matrix()) {
        reason.macs += static_cast<int64_t>(static_cast<double>(all.macs) * share);
      }
      lines +=
          static_cast<double>(again) /
          static_cast<double>(made.extent[kBatch] * made.extent[kColumns] * made.extent[kChannels]);
      if (all.cycles * share < most) continue;
      most = all.cycles * share;
      worst = id;
    }
    if (ops == 0) continue;
    reason.text = fmt::format(
        "{}: tiles of {} lines make {:.0f} lines of {} ops again, most of {}; {:.1f} MMAC",
        group_name(work, plan, static_cast<int>(g)), plan.groups[g].tiling.lines, lines, ops,
        work.op(worst).name, static_cast<double>(reason.macs) * 1e-6);
    reasons.push_back(std::move(reason));
  }
}

double macs_per_cycle(const Device& device, const Op& op) {
  const bool of_activations = op.kind == OpKind::scores || op.kind == OpKind::mix;
  return device.tensor.macs_per_cycle[static_cast<size_t>(op.arithmetic)] *
         (of_activations ? device.tensor.activation_products : 1.0);
}

void add_alignment(const Device& device, const Work& work, const std::vector<Done>& done,
                   std::vector<Reason>& reasons) {
  double all = 0, lost = 0, most = 0;
  OpId worst = -1;
  for (size_t i = 0; i < work.ops.size(); ++i) {
    const Op& op = work.ops[i];
    // Corrections of online softmax are the vector engines' and have no MACs.
    if (!op.is_matrix() || done[i].macs == 0) continue;
    const double cycles = done[i].cycles - done[i].set_up;
    const double extra = cycles - static_cast<double>(done[i].macs) / macs_per_cycle(device, op);
    all += cycles;
    lost += std::max(0.0, extra);
    if (extra <= most) continue;
    most = extra;
    worst = static_cast<OpId>(i);
  }
  if (worst < 0) return;
  reasons.push_back(
      {.kind = ReasonKind::alignment,
       .text = fmt::format("{:.1f} % of the tensor engine's cycles go to rounding up to {} places, "
                           "{} outputs and {} inputs; {:.0f} % of that in {}",
                           100 * lost / all, device.tensor.align_rows, device.tensor.align_outputs,
                           device.tensor.align_inputs, 100 * most / lost, work.op(worst).name),
       .cycles = lost / device.tensor.count});
}

void add_set_up(const Device& device, const Work& work, const Schedule& schedule,
                std::vector<Reason>& reasons) {
  std::array<int64_t, kEngineKinds> commands{};
  for (const Command& command : schedule.commands) {
    ++commands[static_cast<size_t>(engine_of(work, command))];
  }
  const std::array<int64_t, kEngineKinds> each = {
      device.tensor.setup_cycles, device.vector.setup_cycles, device.dma.setup_cycles,
      device.host.hand_over_cycles};
  for (size_t kind = 0; kind < kEngineKinds; ++kind) {
    const auto cycles = static_cast<double>(each[kind]) * static_cast<double>(commands[kind]);
    // Transfers and host ops have theirs in the reasons why they move something.
    const auto engine = static_cast<EngineKind>(kind);
    if (cycles <= 0 || engine == EngineKind::dma || engine == EngineKind::host) continue;
    reasons.push_back({.kind = ReasonKind::set_up,
                       .text = fmt::format("{} commands of the {} engine, {} cycles each",
                                           commands[kind], to_string(engine), each[kind]),
                       .cycles = cycles / unit_count(device, engine)});
  }
}

/// Which of the tensor and vector engines has less time to spare: the other's waits are no reason.
EngineKind busier_engine(const Device& device, const Timeline& timeline) {
  const auto share = [&](EngineKind kind) {
    return timeline.totals.busy[static_cast<size_t>(kind)] / unit_count(device, kind);
  };
  return share(EngineKind::vector) > share(EngineKind::tensor) ? EngineKind::vector
                                                               : EngineKind::tensor;
}

/// For what an engine stood still.
struct Wait {
  double cycles = 0, most = 0;
  int64_t times = 0;
  int32_t longest_for = -1;
};

std::string what_it_does(const Work& work, const Command& command) {
  switch (command.action) {
    case Action::load:
      return "the load of " + work.tensor(command.reads.front().tensor).name;
    case Action::store:
      return "the store of " + work.tensor(command.reads.front().tensor).name;
    default:
      return work.op(command.op).name;
  }
}

/// Of an NPU that does one thing at a time what counts is the way from one engine to the other; of
/// others how long the busier of the tensor and vector engines stands still in each group.
void add_waits(const Device& device, const Work& work, const Plan& plan, const Schedule& schedule,
               const Timeline& timeline, std::vector<Reason>& reasons) {
  std::map<std::tuple<int, EngineKind, EngineKind>, Wait> waits;
  const EngineKind busier = busier_engine(device, timeline);
  for (size_t i = 0; i < schedule.commands.size(); ++i) {
    const Span& span = timeline.spans[i];
    if (span.waited_for < 0) continue;
    const Span& other = timeline.spans[static_cast<size_t>(span.waited_for)];
    const double cycles = device.concurrent ? span.waited : span.begin - other.end;
    const bool counts = device.concurrent ? span.engine == busier : span.engine != other.engine;
    if (!counts || cycles <= 0) continue;
    Wait& wait =
        waits[{device.concurrent ? schedule.commands[i].group : -1, span.engine, other.engine}];
    wait.cycles += cycles;
    ++wait.times;
    if (cycles <= wait.most) continue;
    wait.most = cycles;
    wait.longest_for = span.waited_for;
  }
  for (const auto& [key, wait] : waits) {
    const auto [group, engine, other] = key;
    std::string text;
    if (group < 0) {
      text = fmt::format("the {} engine takes over from {} {} times", to_string(engine),
                         to_string(other), wait.times);
    } else {
      const Command& longest = schedule.commands[static_cast<size_t>(wait.longest_for)];
      text = fmt::format("{}: the {} engine waits for {} {} times, longest for {}",
                         group_name(work, plan, group), to_string(engine), to_string(other),
                         wait.times, what_it_does(work, longest));
    }
    const double cycles =
        device.concurrent ? wait.cycles / unit_count(device, engine) : wait.cycles;
    reasons.push_back({.kind = ReasonKind::wait, .text = std::move(text), .cycles = cycles});
  }
}

}  // namespace

std::vector<Reason> engine_reasons(const Device& device, const Work& work, const Plan& plan,
                                   const Schedule& schedule, const Timeline& timeline) {
  std::vector<Reason> reasons;
  const std::vector<Done> done = done_by_op(device, work, schedule);
  add_recomputed(work, plan, done, reasons);
  add_alignment(device, work, done, reasons);
  add_set_up(device, work, schedule, reasons);
  add_waits(device, work, plan, schedule, timeline, reasons);
  return reasons;
}

}  // namespace edgefusion::npu
