#include "npu/allocate.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace edgefusion::npu {
namespace {

int64_t rounded_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

bool in_time(const Slot& a, const Slot& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

/// Where a slot keeps others away: its bytes, or all banks it touches.
struct Room {
  int64_t begin = 0, end = 0;
};

Room room_of(const Slot& slot, bool banks, int64_t bank_bytes) {
  const int64_t end = slot.offset + slot.bytes;
  if (!banks) return {slot.offset, end};
  return {slot.offset / bank_bytes * bank_bytes, rounded_up(end, bank_bytes)};
}

}  // namespace

Status allocate(const Device& device, std::span<Slot> slots, int64_t limit) {
  std::vector<size_t> order(slots.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    return std::pair(slots[a].streamed, slots[a].bytes) >
           std::pair(slots[b].streamed, slots[b].bytes);
  });
  const int64_t bank = device.memory.bank_bytes();
  int64_t most = 0;
  std::vector<size_t> placed;
  std::vector<Room> taken;
  for (const size_t index : order) {
    Slot& slot = slots[index];
    taken.clear();
    for (const size_t other : placed) {
      if (!in_time(slots[other], slot)) continue;
      taken.push_back(room_of(slots[other], slot.streamed || slots[other].streamed, bank));
    }
    std::ranges::sort(taken, {}, &Room::begin);
    const int64_t step = slot.streamed ? bank : device.memory.alignment;
    int64_t offset = 0;
    for (const Room& room : taken) {
      if (room.begin >= offset + slot.bytes) break;
      offset = std::max(offset, rounded_up(room.end, step));
    }
    slot.offset = offset;
    placed.push_back(index);
    most = std::max(most, room_of(slot, slot.streamed, bank).end);
  }
  if (most <= limit) return {};
  return fail(ErrorCode::resource_exhausted,
              "takes " + std::to_string(most) + " bytes on the chip, of " + std::to_string(limit));
}

}  // namespace edgefusion::npu
