#include "npu/breakdown.h"

#include <map>
#include <tuple>

namespace edgefusion::npu {
namespace {

/// For each command the op it is for: itself; of loads the next that reads their slot; of stores
/// the one that made the tensor.
std::vector<OpId> purposes(const Work& work, const Schedule& schedule) {
  std::vector<OpId> result(schedule.commands.size(), -1);
  std::vector<OpId> next_reader(schedule.slots.size(), -1);
  for (size_t i = schedule.commands.size(); i-- > 0;) {
    const Command& command = schedule.commands[i];
    switch (command.action) {
      case Action::load:
        result[i] = next_reader[static_cast<size_t>(command.writes.front().slot)];
        break;
      case Action::store:
        result[i] = work.tensor(command.reads.front().tensor).producer;
        break;
      default:
        result[i] = command.op;
        for (const Access& read : command.reads) {
          if (read.slot != kDram) next_reader[static_cast<size_t>(read.slot)] = command.op;
        }
    }
  }
  return result;
}

/// Cycles in which an engine stood still although what it waited for, of another kind, had ended.
double hand_over_of(const Timeline& timeline, size_t index) {
  const Span& span = timeline.spans[index];
  if (span.waited_for < 0) return 0;
  const Span& other = timeline.spans[static_cast<size_t>(span.waited_for)];
  return other.engine == span.engine ? 0 : span.begin - other.end;
}

}  // namespace

std::vector<CostItem> breakdown(const Device& device, const Work& work, const Schedule& schedule,
                                const Timeline& timeline) {
  using Key = std::tuple<int, Action, EngineKind, std::string, std::string>;
  std::map<Key, size_t> known;
  std::vector<CostItem> items;
  const std::vector<OpId> ops = purposes(work, schedule);
  for (size_t i = 0; i < schedule.commands.size(); ++i) {
    const Command& command = schedule.commands[i];
    const bool moves = command.action == Action::load || command.action == Action::store;
    const std::string& what =
        moves ? work.tensor(command.reads.front().tensor).name : work.op(command.op).name;
    const std::string purpose(ops[i] < 0 ? "" : to_string(work.op(ops[i]).kind));
    const CommandCost cost = command_cost(device, work, command);
    const auto [at, is_new] = known.try_emplace(
        Key{command.group, command.action, cost.engine, what, purpose}, items.size());
    if (is_new) {
      CostItem item;
      item.group = command.group, item.engine = cost.engine, item.action = command.action;
      item.what = what, item.purpose = purpose;
      items.push_back(std::move(item));
    }
    CostItem& item = items[at->second];
    ++item.commands;
    item.bytes += cost.dram_bytes_read + cost.dram_bytes_written;
    item.macs += cost.macs;
    item.cycles += cost.cycles;
    item.hand_over += hand_over_of(timeline, i);
  }
  return items;
}

}  // namespace edgefusion::npu
