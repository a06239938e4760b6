#include "npu/reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

#include "graph/op_table.h"
#include "npu/cost.h"
#include "npu/engine_reasons.h"
#include "npu/lifetimes.h"

namespace edgefusion::npu {
namespace {

constexpr size_t kReasonKinds = 9;

double megabytes(int64_t bytes) { return static_cast<double>(bytes) * 1e-6; }

/// What moves for one tensor or host op.
struct Transfers {
  double cycles = 0;
  int64_t loaded = 0, stored = 0, loads = 0, stores = 0;
  std::vector<size_t> commands;
};

/// Sorts all transfers by what moves.
class TransferReasons {
 public:
  TransferReasons(const Device& device, const Work& work, const Plan& plan,
                  const Schedule& schedule)
      : work_(work), lifetimes_(device, work, plan, schedule), by_tensor_(work.tensors.size()) {
    for (size_t i = 0; i < schedule.commands.size(); ++i) {
      const Command& command = schedule.commands[i];
      if (command.action == Action::compute) continue;
      const CommandCost cost = command_cost(device, work, command);
      Transfers& all = command.action == Action::host
                           ? by_host_op_[command.op]
                           : by_tensor_[static_cast<size_t>(command.reads.front().tensor)];
      all.cycles += cost.cycles;
      all.loaded += cost.dram_bytes_read;
      all.stored += cost.dram_bytes_written;
      ++(cost.dram_bytes_written > 0 ? all.stores : all.loads);
      all.commands.push_back(i);
    }
    of_command_.assign(schedule.commands.size(), -1);
  }

  Reasons make() {
    Transfers once;
    int64_t layers = 0;
    for (size_t id = 0; id < work_.tensors.size(); ++id) {
      const Transfers& moved = by_tensor_[id];
      if (moved.commands.empty()) continue;
      const NpuTensor& tensor = work_.tensors[id];
      const bool is_weight =
          tensor.kind == TensorKind::weight || tensor.kind == TensorKind::constant;
      if (!is_weight) {
        add(activation(static_cast<TensorId>(id), moved), moved);
      } else if (moved.loaded <= tensor.bytes()) {
        once.cycles += moved.cycles;
        once.loaded += moved.loaded;
        once.commands.insert(once.commands.end(), moved.commands.begin(), moved.commands.end());
        ++layers;
      } else {
        add(weights_again(tensor, moved), moved);
      }
    }
    if (layers > 0) {
      add({ReasonKind::weights, fmt::format("{} weights are read once, {:.2f} MB: none stay on the "
                                            "chip from one run to the next",
                                            layers, megabytes(once.loaded))},
          once);
    }
    for (const auto& [op, moved] : by_host_op_) add(on_host(work_.op(op), moved), moved);
    return {std::move(reasons_), std::move(of_command_)};
  }

 private:
  void add(Reason reason, const Transfers& moved) {
    reason.cycles = moved.cycles;
    reason.bytes_read = moved.loaded;
    reason.bytes_written = moved.stored;
    for (const size_t command : moved.commands) {
      of_command_[command] = static_cast<int32_t>(reasons_.size());
    }
    reasons_.push_back(std::move(reason));
  }

  Reason weights_again(const NpuTensor& tensor, const Transfers& moved) const {
    const double times = static_cast<double>(moved.loaded) / static_cast<double>(tensor.bytes());
    return {ReasonKind::weights_again,
            fmt::format("{} ({:.2f} MB) is read {:.1f} times, {:.2f} MB: once for each tile of {}, "
                        "{}",
                        tensor.name, megabytes(tensor.bytes()), times, megabytes(moved.loaded),
                        lifetimes_.group_name(lifetimes_.first_use(tensor)),
                        lifetimes_.room(lifetimes_.first_use(tensor)))};
  }

  Reason activation(TensorId id, const Transfers& moved) const {
    const NpuTensor& tensor = work_.tensor(id);
    std::string text = fmt::format("{} ({:.2f} MB)", tensor.name, megabytes(tensor.bytes()));
    if (moved.stored > 0) text += fmt::format(" goes out in {} pieces", moved.stores);
    if (moved.loaded > 0) {
      text += fmt::format("{} comes in {:.1f} times, {:.2f} MB", moved.stored > 0 ? " and" : "",
                          static_cast<double>(moved.loaded) / static_cast<double>(tensor.bytes()),
                          megabytes(moved.loaded));
    }
    if (tensor.kind == TensorKind::input) {
      return {ReasonKind::boundary, text + ": an input of the network"};
    }
    if (tensor.is_output && moved.loaded == 0) {
      return {ReasonKind::boundary, text + ": an output of the network"};
    }
    return {ReasonKind::spilled, text + ": " + lifetimes_.why_in_dram(id)};
  }

  Reason on_host(const Op& op, const Transfers& moved) const {
    return {ReasonKind::host,
            fmt::format("{} ({}) is done by the host, {:.2f} MB go there and back", op.name,
                        graph::op_info(op.graph_op).name, megabytes(moved.loaded + moved.stored))};
  }

  const Work& work_;
  Lifetimes lifetimes_;
  std::vector<Transfers> by_tensor_;
  std::map<OpId, Transfers> by_host_op_;
  std::vector<Reason> reasons_;
  std::vector<int32_t> of_command_;
};

/// Most cycles first; of_command goes along.
void sort_by_cost(Reasons& reasons) {
  std::vector<size_t> order(reasons.all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return reasons.all[a].cycles > reasons.all[b].cycles; });
  std::vector<int32_t> place(order.size());
  std::vector<Reason> sorted;
  for (const size_t from : order) {
    place[from] = static_cast<int32_t>(sorted.size());
    sorted.push_back(std::move(reasons.all[from]));
  }
  reasons.all = std::move(sorted);
  for (int32_t& reason : reasons.of_command) {
    if (reason >= 0) reason = place[static_cast<size_t>(reason)];
  }
}

}  // namespace

std::string_view to_string(ReasonKind kind) {
  constexpr std::array<std::string_view, kReasonKinds> kNames = {
      "weights",    "weights_again", "boundary", "spilled",  "host",
      "recomputed", "wait",          "set_up",   "alignment"};
  return kNames[static_cast<size_t>(kind)];
}

Reasons explain(const Device& device, const Work& work, const Plan& plan, const Schedule& schedule,
                const Timeline& timeline) {
  Reasons reasons = TransferReasons(device, work, plan, schedule).make();
  for (Reason& reason : engine_reasons(device, work, plan, schedule, timeline)) {
    reasons.all.push_back(std::move(reason));
  }
  sort_by_cost(reasons);
  return reasons;
}

std::vector<PlannedReason> top_reasons(const Reasons& reasons, size_t count) {
  std::vector<PlannedReason> top;
  std::array<PlannedReason, kReasonKinds> rest;
  std::array<size_t, kReasonKinds> left{};
  for (size_t i = 0; i < reasons.all.size(); ++i) {
    const Reason& reason = reasons.all[i];
    const int64_t bytes = reason.bytes_read + reason.bytes_written;
    if (i < count) {
      top.push_back(
          {std::string(to_string(reason.kind)), reason.text, reason.cycles, bytes, reason.macs});
      continue;
    }
    PlannedReason& sum = rest[static_cast<size_t>(reason.kind)];
    ++left[static_cast<size_t>(reason.kind)];
    sum.cycles += reason.cycles;
    sum.bytes += bytes;
    sum.macs += reason.macs;
  }
  for (size_t kind = 0; kind < kReasonKinds; ++kind) {
    if (left[kind] == 0) continue;
    rest[kind].kind = to_string(static_cast<ReasonKind>(kind));
    rest[kind].text = fmt::format("{} more of this kind", left[kind]);
    top.push_back(std::move(rest[kind]));
  }
  return top;
}

}  // namespace edgefusion::npu
