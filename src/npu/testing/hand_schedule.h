#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "npu/schedule.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// A schedule of one group, written down command by command: it remembers which slot holds which
/// tensor last, and lets commands read what they need from there.
class HandSchedule {
 public:
  explicit HandSchedule(const Work& work, int64_t bank_bytes)
      : work_(work), bank_bytes_(bank_bytes) {
    schedule.groups = 1;
  }

  TensorId tensor(const std::string& name) const {
    for (size_t i = 0; i < work_.tensors.size(); ++i) {
      if (work_.tensors[i].name == name) return static_cast<TensorId>(i);
    }
    ADD_FAILURE() << "no tensor " << name;
    return 0;
  }
  Box box(const std::string& name) const { return work_.tensor(tensor(name)).box(); }

  /// In a bank of its own.
  int slot(const std::string& label, int64_t bytes, bool streamed = false) {
    Slot slot;
    slot.label = label;
    slot.bytes = bytes;
    slot.offset = bank_bytes_ * static_cast<int64_t>(schedule.slots.size());
    slot.streamed = streamed;
    schedule.slots.push_back(slot);
    return static_cast<int>(schedule.slots.size()) - 1;
  }
  /// A slot for all of a tensor, with all of it loaded.
  int load(const std::string& name) {
    const int made = slot(name, work_.tensor(tensor(name)).bytes());
    load(name, box(name), made);
    return made;
  }
  void load(const std::string& name, const Box& part, int slot) {
    const TensorId id = tensor(name);
    Command command;
    command.action = Action::load;
    command.out = part;
    command.reads = {{kDram, id, work_.tensor(id).box(), part}};
    command.writes = {{slot, id, part, part}};
    schedule.commands.push_back(command);
    where_[id] = command.writes[0];
  }
  /// `parts`: of operands whose part needed() does not tell, such as places of statistics and keys.
  Command& compute(const std::string& name, const Box& out, int slot, Part part = Part::all,
                   const std::map<size_t, Box>& parts = {}) {
    const OpId id = work_.tensor(tensor(name)).producer;
    const Op& op = work_.op(id);
    Command command;
    command.op = id;
    command.part = part;
    command.out = out;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const auto given = parts.find(i);
      read(command, op.operands[i].tensor,
           given == parts.end() ? needed(work_, op, i, out) : given->second);
    }
    write(command, op.output, out, slot);
    return schedule.commands.back();
  }
  /// The first or a later block of an online softmax, of one head.
  void softmax(const std::string& name, const Box& out, int slot, int state_slot, Part part) {
    compute(name, out, slot, part);
    Command& command = schedule.commands.back();
    const Op& op = work_.op(command.op);
    const int64_t head = out.begin[kChannels] / op.keys;
    const Box state = out.with(kChannels, 3 * head, 3 * head + 3);
    const Access access = {state_slot, op.state, state, state};
    if (part == Part::more) command.reads.push_back(access);
    command.writes.push_back(access);
    where_[op.state] = access;
  }
  /// Rescale or finish, where the sums are.
  void correct(const std::string& name, const Box& out, Part part) {
    const OpId id = work_.tensor(tensor(name)).producer;
    const Op& op = work_.op(id);
    Command command;
    command.op = id;
    command.part = part;
    command.out = out;
    read(command, op.output, out);
    read(command, op.state, where_[op.state].box);
    write(command, op.output, out, where_[op.output].slot);
  }
  /// All of an op that the host does.
  void host(const std::string& name) {
    const TensorId id = tensor(name);
    Command command;
    command.action = Action::host;
    command.op = work_.tensor(id).producer;
    command.out = box(name);
    const Op& op = work_.op(command.op);
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const Box part = needed(work_, op, i, command.out);
      command.reads.push_back({kDram, op.operands[i].tensor, part, part});
    }
    command.writes = {{kDram, id, command.out, command.out}};
    schedule.commands.push_back(command);
  }
  void store(const std::string& name, const Box& part) {
    const TensorId id = tensor(name);
    Command command;
    command.action = Action::store;
    command.out = part;
    read(command, id, part);
    command.writes = {{kDram, id, work_.tensor(id).box(), part}};
    schedule.commands.push_back(command);
  }

  Schedule schedule;

 private:
  void read(Command& command, TensorId id, const Box& part) {
    Access access = where_[id];
    if (part.empty()) access.slot = kDram;
    access.tensor = id;
    access.box = part;
    command.reads.push_back(access);
  }
  void write(Command& command, TensorId id, const Box& out, int slot) {
    Access& there = where_[id];
    const bool goes_on = command.part != Part::all && command.part != Part::first;
    if (!(goes_on && there.slot == slot && there.held.contains(out))) there = {slot, id, out, out};
    command.writes.push_back({slot, id, there.held, out});
    schedule.commands.push_back(command);
  }

  const Work& work_;
  int64_t bank_bytes_;
  std::map<TensorId, Access> where_;
};

}  // namespace edgefusion::npu
