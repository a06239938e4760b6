#include "npu/check_slots.h"

#include <fmt/format.h>

#include <vector>

namespace edgefusion::npu {
namespace {

tl::unexpected<Error> refuse(size_t index, const Slot& slot, const std::string& text) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("slot {} ({}): {}", index, slot.label, text));
}

Status check_slot(const Device& device, const Schedule& schedule, size_t index) {
  const Slot& slot = schedule.slots[index];
  const OnChipMemory& memory = device.memory;
  if (slot.bytes < 1 || slot.bytes > memory.bytes || slot.offset < 0 ||
      slot.offset > memory.bytes - slot.bytes) {
    return refuse(index, slot,
                  fmt::format("{} bytes at {}, expected within the {} bytes of {}", slot.bytes,
                              slot.offset, memory.bytes, device.name));
  }
  if (memory.alignment > 0 && slot.offset % memory.alignment != 0) {
    return refuse(index, slot,
                  fmt::format("at {}, expected a multiple of {}", slot.offset, memory.alignment));
  }
  if (slot.first_group < 0 || slot.last_group < slot.first_group ||
      slot.last_group >= schedule.groups || slot.first_step > slot.last_step) {
    return refuse(index, slot,
                  fmt::format("groups {} to {}, steps {} to {}, expected ranges within {} groups",
                              slot.first_group, slot.last_group, slot.first_step, slot.last_step,
                              schedule.groups));
  }
  return {};
}

bool is_of_one_group(const Slot& slot) { return slot.first_group == slot.last_group; }

// Of two slots that have a group in common.
bool are_taken_together(const Slot& a, const Slot& b) {
  if (!is_of_one_group(a) || !is_of_one_group(b)) return true;
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

bool share_a_bank(const Slot& a, const Slot& b, int64_t bank_bytes) {
  const int64_t a_first = a.offset / bank_bytes, a_last = (a.offset + a.bytes - 1) / bank_bytes;
  const int64_t b_first = b.offset / bank_bytes, b_last = (b.offset + b.bytes - 1) / bank_bytes;
  return a_first <= b_last && b_first <= a_last;
}

Status check_banks(const Device& device, const Schedule& schedule) {
  const int64_t bank_bytes = device.memory.bank_bytes();
  std::vector<std::vector<size_t>> of_group(static_cast<size_t>(schedule.groups));
  for (size_t i = 0; i < schedule.slots.size(); ++i) {
    const Slot& slot = schedule.slots[i];
    for (int group = slot.first_group; group <= slot.last_group; ++group) {
      of_group[static_cast<size_t>(group)].push_back(i);
    }
  }
  for (const std::vector<size_t>& taken : of_group) {
    for (const size_t i : taken) {
      const Slot& slot = schedule.slots[i];
      if (!slot.streamed) continue;
      for (const size_t j : taken) {
        const Slot& other = schedule.slots[j];
        if (i == j || !are_taken_together(slot, other)) continue;
        if (!share_a_bank(slot, other, bank_bytes)) continue;
        return refuse(i, slot,
                      fmt::format("is streamed, and at {} shares a bank with slot {} ({}) at {}",
                                  slot.offset, j, other.label, other.offset));
      }
    }
  }
  return {};
}

}  // namespace

Status check_slots(const Device& device, const Schedule& schedule) {
  if (schedule.groups < 0 || static_cast<size_t>(schedule.groups) > schedule.commands.size()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} groups of {} commands", schedule.groups, schedule.commands.size()));
  }
  for (size_t i = 0; i < schedule.slots.size(); ++i) {
    EF_TRY_STATUS(check_slot(device, schedule, i));
  }
  return device.memory.bank_bytes() > 0 ? check_banks(device, schedule) : Status{};
}

}  // namespace edgefusion::npu
