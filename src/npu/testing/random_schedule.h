#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "npu/testing/small_work.h"

namespace edgefusion::npu {

/// Commands of all engines on slots some of which share bytes, in no sensible order: what hazards
/// and times must be right for, whatever made a schedule.
class RandomSchedule {
 public:
  RandomSchedule(uint32_t seed, size_t commands) : random_(seed) {
    make_work();
    for (int64_t i = 0, slots = pick(2, 12); i < slots; ++i) {
      schedule_.slot(pick(0, 12), pick(0, 60));
    }
    for (size_t i = 0; i < commands; ++i) {
      if (pick(0, 15) == 0) ++schedule_.group;
      add_command();
    }
  }

  const Work& work() const { return work_.work; }
  const Schedule& schedule() const { return schedule_.schedule; }

 private:
  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  void make_work() {
    for (const char* name : {"a", "b", "c"}) work_.tensor(name, {1, 6, 2, 4});
    const TensorId weight = work_.tensor("w", {1, 4, 1, 4}, TensorKind::weight);
    work_.linear(0, weight, 1);
    work_.pointwise(1, 2);
    work_.on_host(2, 0);
  }

  Box any_box(const Box& within) {
    Box box = within;
    for (const Axis axis : {kLines, kColumns, kChannels}) {
      const int64_t a = pick(within.begin[axis], within.end[axis] - 1);
      const int64_t b = pick(0, 2) == 0 ? within.end[axis] : pick(a + 1, within.end[axis]);
      box = box.with(axis, pick(0, 2) == 0 ? within.begin[axis] : a, b);
    }
    return box;
  }

  Access in_dram() {
    const auto tensor = static_cast<TensorId>(pick(0, 2));
    return at(kDram, tensor, any_box(work_.work.tensor(tensor).box()));
  }

  /// Of what lies there, or (a write, mostly) of something new.
  Access in_slot(bool is_write) {
    const auto slot =
        static_cast<size_t>(pick(0, static_cast<int64_t>(schedule_.schedule.slots.size()) - 1));
    contents_.resize(schedule_.schedule.slots.size());
    Access& content = contents_[slot];
    if (content.tensor == kNoTensor || pick(0, is_write ? 2 : 15) == 0) {
      const auto tensor = static_cast<TensorId>(pick(0, 2));
      const Box held = any_box(work_.work.tensor(tensor).box());
      content = {static_cast<int>(slot), tensor, held, held};
    }
    Access access = content;
    access.box = pick(0, 2) == 0 ? access.held : any_box(access.held);
    return access;
  }

  void add_command() {
    switch (pick(0, 5)) {
      case 0:
        schedule_.store(in_slot(false));
        break;
      case 1:
        schedule_.load(in_slot(true));
        break;
      case 2:
        schedule_.host(2, {in_dram()}, in_dram());
        break;
      case 3:
        schedule_.compute(0, {in_slot(false), in_slot(false)}, in_slot(true));
        break;
      default:
        schedule_.compute(1, {in_slot(false)}, in_slot(true));
    }
  }

  std::mt19937 random_;
  SmallWork work_;
  SmallSchedule schedule_;
  std::vector<Access> contents_;
};

}  // namespace edgefusion::npu
