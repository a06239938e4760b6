#include "npu/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "npu/check_command.h"
#include "npu/check_slots.h"
#include "npu/slot_contents.h"
#include "npu/verify_sums.h"

namespace edgefusion::npu {
namespace {

tl::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::invalid_argument, std::move(text));
}

bool is_online(const Command& command, const Op& op) {
  return op.kind == OpKind::softmax && command.part != Part::all;
}

class Verifier {
 public:
  Verifier(const Device& device, const Work& work, const Schedule& schedule)
      : work_(work),
        schedule_(schedule),
        commands_(device, work, schedule),
        contents_(work, schedule),
        sums_(work, contents_),
        stored_(work.tensors.size()) {}

  Status run() {
    for (size_t i = 0; i < schedule_.commands.size(); ++i) {
      if (Status status = check(schedule_.commands[i]); !status) {
        return fail(std::move(status).error().with_context(name_of(i)));
      }
    }
    for (size_t id = 0; id < work_.tensors.size(); ++id) {
      const NpuTensor& tensor = work_.tensors[id];
      if (!tensor.is_output || tensor.kind != TensorKind::activation) continue;
      if (const auto missing = stored_[id].missing(tensor.box())) {
        return refuse(fmt::format("elements {} of {}, an output, are never stored",
                                  missing->to_string(), tensor.name));
      }
    }
    return {};
  }

 private:
  std::string name_of(size_t index) const;
  Status check(const Command& command);
  Status check_load(const Command& command);
  Status check_store(const Command& command);
  Status check_op(const Command& command);
  Status check_operand(const Command& command, const Op& op, size_t index);
  Status check_written(const Command& command, const Op& op, size_t index);
  Status check_state_reads(const Command& command, const Op& op);
  Status check_writes(const Command& command, const Op& op);
  Status check_dram_read(const Access& access) const;
  Status write_online(const Command& command, const Op& op);
  Status write(const Command& command, const Op& op);

  const Slot& slot(int index) const { return schedule_.slots[static_cast<size_t>(index)]; }
  bool is_tensor(TensorId id) const {
    return id >= 0 && static_cast<size_t>(id) < work_.tensors.size();
  }

  const Work& work_;
  const Schedule& schedule_;
  CommandChecker commands_;
  SlotContents contents_;
  SumChecker sums_;
  std::vector<BoxSet> stored_;  // of each activation, in DRAM
};

/// "command 17 (compute down_blocks.0.conv1 [0:1, ...], group 3)"
std::string Verifier::name_of(size_t index) const {
  constexpr std::array<std::string_view, 4> kActions = {"load", "store", "compute", "host"};
  const Command& command = schedule_.commands[index];
  const auto action = static_cast<size_t>(command.action);
  std::string what(action < kActions.size() ? kActions[action] : "unknown action");
  if (command.op >= 0 && static_cast<size_t>(command.op) < work_.ops.size()) {
    what += " " + work_.op(command.op).name;
  } else if (!command.reads.empty() && is_tensor(command.reads[0].tensor)) {
    what += " " + work_.tensor(command.reads[0].tensor).name;
  }
  return fmt::format("command {} ({} {}, group {})", index, what, command.out.to_string(),
                     command.group);
}

Status Verifier::check(const Command& command) {
  if (command.group < 0 || command.group >= schedule_.groups) {
    return refuse(fmt::format("group {} of {}", command.group, schedule_.groups));
  }
  switch (command.action) {
    case Action::load:
      return check_load(command);
    case Action::store:
      return check_store(command);
    case Action::compute:
    case Action::host:
      return check_op(command);
  }
  return refuse("neither loads, stores nor computes");
}

Status Verifier::check_dram_read(const Access& access) const {
  const NpuTensor& tensor = work_.tensor(access.tensor);
  if (tensor.kind != TensorKind::activation) return {};
  if (const auto missing = stored_[static_cast<size_t>(access.tensor)].missing(access.box)) {
    return refuse(
        fmt::format("elements {} of {} were not stored", missing->to_string(), tensor.name));
  }
  return {};
}

Status Verifier::check_load(const Command& command) {
  EF_TRY_STATUS(commands_.check_transfer(command));
  EF_TRY_STATUS(check_dram_read(command.reads[0]));
  contents_.write(command.writes[0]);
  return {};
}

Status Verifier::check_store(const Command& command) {
  EF_TRY_STATUS(commands_.check_transfer(command));
  const Access& from = command.reads[0];
  EF_TRY_STATUS(contents_.check_read(from));
  const NpuTensor& tensor = work_.tensor(from.tensor);
  if (tensor.kind != TensorKind::activation) {
    return refuse(tensor.name + " is no result, and is in DRAM already");
  }
  stored_[static_cast<size_t>(from.tensor)].add(from.box);
  return {};
}

Status Verifier::check_op(const Command& command) {
  if (command.op < 0 || static_cast<size_t>(command.op) >= work_.ops.size()) {
    return refuse(fmt::format("there is no op {}", command.op));
  }
  const Op& op = work_.op(command.op);
  EF_TRY_STATUS(commands_.check_engine(command, op));
  EF_TRY_STATUS(commands_.check_part(command, op));
  if (corrects_sums(command)) {
    EF_TRY_STATUS(check_state_reads(command, op));
  } else {
    const bool goes_on = is_online(command, op) && command.part == Part::more;
    const size_t expected = op.operands.size() + (goes_on ? 1 : 0);
    if (command.reads.size() != expected) {
      return refuse(fmt::format("{} reads, expected {}", command.reads.size(), expected));
    }
    for (size_t i = 0; i < op.operands.size(); ++i) {
      EF_TRY_STATUS(check_operand(command, op, i).map_error([&](Error error) {
        return std::move(error).with_context(fmt::format("operand {}", i));
      }));
    }
    if (goes_on) EF_TRY_STATUS(commands_.check_access(command, command.reads.back()));
  }
  EF_TRY_STATUS(check_writes(command, op));
  return write(command, op);
}

/// The right part of the right tensor, all of it written.
Status Verifier::check_operand(const Command& command, const Op& op, size_t index) {
  const Access& read = command.reads[index];
  const Operand& operand = op.operands[index];
  const NpuTensor& tensor = work_.tensor(operand.tensor);
  const bool takes_part = op.kind == OpKind::group_stats || op.kind == OpKind::mix;
  const Box need = needed(work_, op, index, command.out);
  if (is_empty(read.box) && (is_empty(need) || op.kind == OpKind::group_stats)) return {};
  EF_TRY_STATUS(commands_.check_access(command, read));
  if (read.tensor != operand.tensor) {
    return refuse(
        fmt::format("reads {}, expected {}", work_.tensor(read.tensor).name, tensor.name));
  }
  if (!takes_part && !read.box.contains(need)) {
    return refuse(fmt::format("reads {} of {}, needs {}", read.box.to_string(), tensor.name,
                              need.to_string()));
  }
  // Which places or keys they are is their sums' matter; here: of the right items and queries.
  if (op.kind == OpKind::group_stats &&
      !need.with(kBatch, command.out.begin[kBatch], command.out.end[kBatch]).contains(read.box)) {
    return refuse(fmt::format("reads {} of {}, of other items", read.box.to_string(), tensor.name));
  }
  if (op.kind == OpKind::mix && index == 0 &&
      !read.box.with(kChannels, need.begin[kChannels], need.end[kChannels]).contains(need)) {
    return refuse(fmt::format("reads {} of {}, needs keys of {}", read.box.to_string(), tensor.name,
                              need.to_string()));
  }
  return check_written(command, op, index);
}

Status Verifier::check_written(const Command& command, const Op& op, size_t index) {
  const Access& read = command.reads[index];
  if (command.action == Action::host) {
    if (read.slot != kDram) return refuse("the host reads DRAM alone");
    return check_dram_read(read);
  }
  if (read.slot == kDram) return refuse("engines read slots alone");
  if (op.kind == OpKind::mix && index == 0) return {};  // may be those of an online softmax
  return contents_.check_read(read);
}

/// Of rescale and finish: the sums, then the state. What they hold is their sums' matter.
Status Verifier::check_state_reads(const Command& command, const Op& op) {
  if (command.reads.size() != 2) {
    return refuse(fmt::format("{} reads, expected the sums and the state", command.reads.size()));
  }
  const std::array<TensorId, 2> expected = {op.output, op.state};
  for (size_t i = 0; i < 2; ++i) {
    const Access& read = command.reads[i];
    EF_TRY_STATUS(commands_.check_access(command, read));
    if (read.slot == kDram) return refuse("engines read slots alone");
    if (read.tensor != expected[i]) {
      return refuse(fmt::format("reads {}, expected {}", work_.tensor(read.tensor).name,
                                i == 0 ? "the sums" : "the state"));
    }
  }
  if (!command.reads[0].box.contains(command.out)) {
    return refuse(fmt::format("reads sums {}", command.reads[0].box.to_string()));
  }
  return {};
}

Status Verifier::check_writes(const Command& command, const Op& op) {
  const size_t expected = is_online(command, op) ? 2 : 1;
  if (command.writes.size() != expected) {
    return refuse(fmt::format("{} writes, expected {}", command.writes.size(), expected));
  }
  for (size_t i = 0; i < expected; ++i) {
    const Access& write = command.writes[i];
    EF_TRY_STATUS(commands_.check_access(command, write));
    const TensorId tensor = i == 0 ? op.output : op.state;
    if (write.tensor != tensor) {
      return refuse(fmt::format("writes {}, makes {}", work_.tensor(write.tensor).name,
                                work_.tensor(tensor).name));
    }
    if (i == 0 && write.box != command.out) {
      return refuse(fmt::format("writes {} of {}", write.box.to_string(), op.name));
    }
    if ((write.slot == kDram) != (command.action == Action::host)) {
      return refuse("the host writes DRAM, and engines write slots");
    }
    if (write.slot != kDram) EF_TRY_STATUS(commands_.check_overwriting(command, op, write));
  }
  return {};
}

/// A block of an online softmax: its result and its state.
Status Verifier::write_online(const Command& command, const Op& op) {
  const Access &to = command.writes[1], &from = command.reads.back();
  Box state = command.out;
  state.begin[kChannels] = 3 * (command.out.begin[kChannels] / op.keys);
  state.end[kChannels] = 3 * ((command.out.end[kChannels] - 1) / op.keys + 1);
  if (!to.box.contains(state)) return refuse("writes state " + to.box.to_string());
  const bool is_same = from.slot == to.slot && from.tensor == to.tensor && from.held == to.held;
  if (command.part == Part::more && !is_same) return refuse("a state goes on where it is");
  const Slot &a = slot(to.slot), &b = slot(command.writes[0].slot);
  if (a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes) {
    return refuse("writes its result and its state to the same bytes");
  }
  return sums_.go_on_softmax(command, op);
}

/// What becomes of the contents.
Status Verifier::write(const Command& command, const Op& op) {
  if (command.action == Action::host) {
    stored_[static_cast<size_t>(op.output)].add(command.out);
    return {};
  }
  if (corrects_sums(command)) {
    const Access &sums = command.reads[0], &result = command.writes[0];
    if (command.part == Part::rescale && (sums.slot != result.slot || sums.held != result.held)) {
      return refuse("sums are rescaled where they are");
    }
    return sums_.correct(command, op);
  }
  if (op.kind == OpKind::group_stats) return sums_.add_statistics(command, op);
  if (op.kind == OpKind::mix) return sums_.add_keys(command, op);
  if (is_online(command, op)) return write_online(command, op);
  contents_.write(command.writes[0]);
  return {};
}

}  // namespace

Status verify(const Device& device, const Work& work, const Schedule& schedule) {
  EF_TRY_STATUS(check_slots(device, schedule));
  return Verifier(device, work, schedule).run();
}

}  // namespace edgefusion::npu
