#pragma once

#include <limits>
#include <random>

#include "npu/schedule.h"

namespace edgefusion::npu {

/// Changes a few numbers of a schedule, mostly by a little, at times to anything at all.
class Garbler {
 public:
  explicit Garbler(uint32_t seed) : random_(seed) {}

  void garble(Schedule& schedule) {
    for (int64_t changes = pick(1, 3); changes > 0; --changes) change(schedule);
  }

 private:
  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  template <typename Number>
  void garble_number(Number& number) {
    using Limits = std::numeric_limits<Number>;
    switch (pick(0, 9)) {
      case 0:
        number = Limits::max();
        break;
      case 1:
        number = Limits::min();
        break;
      case 2:
        number = static_cast<Number>(-1);
        break;
      default:
        if (number > Limits::min() + 70 && number < Limits::max() - 70) {
          number = static_cast<Number>(number + (pick(0, 4) == 0 ? pick(-64, 64) : pick(-1, 1)));
        }
    }
  }

  void garble_box(Box& box) {
    const auto axis = static_cast<size_t>(pick(0, kAxes - 1));
    garble_number(pick(0, 1) == 0 ? box.begin[axis] : box.end[axis]);
  }

  void garble_access(Access& access) {
    switch (pick(0, 3)) {
      case 0:
        garble_number(access.slot);
        break;
      case 1:
        garble_number(access.tensor);
        break;
      case 2:
        garble_box(access.held);
        break;
      default:
        garble_box(access.box);
    }
  }

  void garble_slot(Slot& slot) {
    switch (pick(0, 5)) {
      case 0:
        garble_number(slot.bytes);
        break;
      case 1:
        slot.offset += 64 * pick(-4, 4);
        break;
      case 2:
        garble_number(slot.first_group);
        break;
      case 3:
        garble_number(slot.last_group);
        break;
      case 4:
        garble_number(slot.last_step);
        break;
      default:
        garble_number(slot.offset);
    }
  }

  void garble_command(Command& command) {
    std::vector<Access>& accesses = pick(0, 1) == 0 ? command.reads : command.writes;
    const auto index = static_cast<size_t>(
        accesses.empty() ? 0 : pick(0, static_cast<int64_t>(accesses.size()) - 1));
    switch (pick(0, 8)) {
      case 0:
        command.action = static_cast<Action>(pick(0, 5));
        break;
      case 1:
        garble_number(command.group);
        break;
      case 2:
        garble_number(command.op);
        break;
      case 3:
        command.part = static_cast<Part>(pick(0, 6));
        break;
      case 4:
        garble_box(command.out);
        break;
      case 5:
        if (!accesses.empty()) accesses.pop_back();
        break;
      default:
        if (!accesses.empty()) garble_access(accesses[index]);
    }
  }

  void change(Schedule& schedule) {
    auto& commands = schedule.commands;
    if (commands.empty()) return;
    const auto any = [&] {
      return commands.begin() + pick(0, static_cast<int64_t>(commands.size()) - 1);
    };
    switch (pick(0, 9)) {
      case 0:
        commands.erase(any());
        break;
      case 1: {
        const Command copy = *any();
        commands.insert(any(), copy);
        break;
      }
      case 2:
        std::swap(*any(), *any());
        break;
      case 3:
        if (pick(0, 9) == 0) garble_number(schedule.groups);
        break;
      case 4:
      case 5:
        garble_slot(schedule.slots[static_cast<size_t>(
            pick(0, static_cast<int64_t>(schedule.slots.size()) - 1))]);
        break;
      default:
        garble_command(*any());
    }
  }

  std::mt19937 random_;
};

}  // namespace edgefusion::npu
