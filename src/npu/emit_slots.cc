#include <algorithm>
#include <limits>
#include <string>

#include "npu/group_emitter.h"

// The slots of a group: how much of what lies on the chip while its tiles run.

namespace edgefusion::npu {

int GroupEmitter::step_of(OpId id) const {
  for (size_t i = 0; i < shape_.stages.size(); ++i) {
    if (id < shape_.stages[i].end) return static_cast<int>(i) + 1;
  }
  return static_cast<int>(shape_.stages.size());
}

int GroupEmitter::add_slot(std::string label, int64_t bytes, int first_step, int last_step,
                           bool streamed) {
  schedule_.slots.push_back({.label = std::move(label),
                             .bytes = bytes,
                             .first_group = setting_.group,
                             .last_group = setting_.group,
                             .first_step = first_step,
                             .last_step = last_step,
                             .streamed = streamed});
  return static_cast<int>(schedule_.slots.size()) - 1;
}

/// A pointwise result may lie where its operand was: made in the group too, of the same places,
/// read here for the last time.
bool GroupEmitter::shares_operand(size_t index) {
  const GroupTensor& made = tensor(index);
  const Op& producer = op(work_.tensor(made.tensor).producer);
  const bool may = producer.kind == OpKind::pointwise || producer.kind == OpKind::softmax;
  if (!may || producer.operands.size() > 2) return false;
  const TensorId from = producer.operands.front().tensor;
  const int operand = shape_.index_of(from);
  if (operand < 0) return false;
  const GroupTensor& before = tensor(static_cast<size_t>(operand));
  const NpuTensor &a = work_.tensor(from), &b = work_.tensor(made.tensor);
  const OpId self = work_.tensor(made.tensor).producer;
  const Place& place = places_[static_cast<size_t>(operand)];
  const bool is_free = before.role == Role::inner && !before.leaves && before.last_user == self &&
                       place.resident < 0 && !place.slots.empty();
  // A result that is stored while the next tile runs needs a second slot.
  const bool in_flight = made.leaves && tiling_.double_buffered && rounds_.size() > 1;
  if (!is_free || in_flight || a.extent != b.extent || a.bits != b.bits) return false;
  if (producer.operands.size() == 2 && producer.operands[1].tensor == from) return false;
  places_[index].slots = place.slots;
  for (const int slot : place.slots) {
    schedule_.slots[static_cast<size_t>(slot)].last_step =
        std::max(schedule_.slots[static_cast<size_t>(slot)].last_step,
                 std::max(step_of(self), step_of(made.last_user)));
  }
  return true;
}

void GroupEmitter::make_tensor_slots(size_t index, int64_t bytes) {
  const GroupTensor& used = tensor(index);
  const std::string& name = work_.tensor(used.tensor).name;
  Place& place = places_[index];
  // Statistics grow in one place from tile to tile.
  const bool sums = used.role == Role::inner &&
                    op(work_.tensor(used.tensor).producer).kind == OpKind::group_stats;
  const bool in_flight = tiling_.double_buffered && rounds_.size() > 1 && !sums &&
                         (used.role == Role::tile || used.leaves);
  const int last = static_cast<int>(shape_.stages.size());
  int first_step = 0, last_step = last;
  if (used.role == Role::inner) {
    first_step = step_of(work_.tensor(used.tensor).producer);
    last_step = std::max(first_step, step_of(used.last_user));
    if (sums) first_step = 0, last_step = last;
  } else if (used.role == Role::tile && !in_flight) {
    last_step = step_of(used.last_user);
  }
  for (int copy = 0; copy < (in_flight ? 2 : 1); ++copy) {
    const std::string label = in_flight ? name + ", " + std::to_string(copy + 1) + " of 2" : name;
    place.slots.push_back(add_slot(label, bytes, first_step, last_step, in_flight));
  }
}

void GroupEmitter::make_slots() {
  places_.resize(shape_.tensors.size());
  parts_.resize(static_cast<size_t>(shape_.end - shape_.first));
  for (OpId id = shape_.first; id < shape_.end; ++id) {
    parts_[static_cast<size_t>(id - shape_.first)].resize(op(id).operands.size());
  }
  std::vector<int64_t> bytes(shape_.tensors.size(), 0), places(shape_.tensors.size(), 0);
  // Tiles in the middle of a picture are about as large as any.
  const size_t step =
      setting_.all_sizes || rounds_.size() <= 4 ? 1 : std::max<size_t>(1, rounds_.size() / 4);
  for (size_t i = 0; i < rounds_.size(); i += step) {
    const std::vector<Box> boxes = tile_boxes(work_, shape_, rounds_[i]);
    for (size_t t = 0; t < boxes.size(); ++t) {
      bytes[t] = std::max(bytes[t], work_.tensor(tensor(t).tensor).bytes(boxes[t]));
      places[t] = std::max(places[t], boxes[t].places());
    }
  }
  for (size_t t = 0; t < shape_.tensors.size(); ++t) {
    Place& place = places_[t];
    if (const Resident* known = resident(tensor(t).tensor)) {
      place.resident = known->slot;
      place.stored = known->stored;
      continue;
    }
    place.stored = tensor(t).leaves;
    const bool is_inner = tensor(t).role == Role::inner;
    if (is_inner && shares_operand(t)) continue;
    make_tensor_slots(t, is_inner ? std::min(bytes[t], scores_bytes(t, places[t])) : bytes[t]);
  }
  make_part_slots();
  make_state_slots(places);
}

/// Scores and their softmax are there for a few heads (and keys) at a time; no limit for others.
int64_t GroupEmitter::scores_bytes(size_t index, int64_t places) const {
  const NpuTensor& made = work_.tensor(tensor(index).tensor);
  const Op& producer = op(made.producer);
  const Stage& stage = shape_.stages[static_cast<size_t>(step_of(made.producer) - 1)];
  if (!stage.is_attention() || producer.kind == OpKind::mix) {
    return std::numeric_limits<int64_t>::max();
  }
  const int64_t keys = tiling_.online ? std::min(tiling_.key_block, producer.keys) : producer.keys;
  return (places * std::min(tiling_.heads, producer.heads) * keys * made.bits + 7) / 8;
}

/// The running maximum, sum and factor of each row of an online softmax.
void GroupEmitter::make_state_slots(const std::vector<int64_t>& places) {
  for (const Stage& stage : shape_.stages) {
    const bool has_state = stage.is_attention() && tiling_.online;
    const int step = step_of(stage.first);
    const int64_t rows = has_state ? places[index_of(op(stage.first).output)] : 0;
    state_slots_.push_back(
        has_state ? add_slot(op(stage.first).name + ", state", rows * 3 * 4, step, step, false)
                  : -1);
  }
}

/// Bytes of the largest part that an operand is read in when it is not held.
int64_t GroupEmitter::part_bytes(OpId id, size_t operand) const {
  const Op& part_op = op(id);
  const NpuTensor& source = work_.tensor(part_op.operands[operand].tensor);
  Box out = work_.tensor(part_op.output).box();
  if (part_op.operands[operand].reach == Reach::outputs) {
    out.end[kChannels] = std::min(out.end[kChannels], outputs_at_once(id));
    return source.bytes(needed(work_, part_op, operand, out));
  }
  out = out.with(kBatch, 0, std::min(out.end[kBatch], tiling_.items));
  out.end[kChannels] = std::min(out.end[kChannels],
                                std::max<int64_t>(tiling_.heads, 1) * chunk_unit(work_, part_op));
  Box box = needed(work_, part_op, operand, out);
  if (tiling_.key_block > 0) {
    const int64_t all = box.extent(kLines) * box.extent(kColumns);
    const int64_t elements =
        box.elements() / std::max<int64_t>(all, 1) * std::min(all, tiling_.key_block);
    return (elements * source.bits + 7) / 8;
  }
  return source.bytes(box);
}

/// Makes the slots of an op's held parts; of the others returns how many there are, and the largest
/// part's bytes.
int GroupEmitter::streamed_operands(OpId id, int64_t& largest) {
  int streamed = 0;
  for (size_t i = 0; i < op(id).operands.size(); ++i) {
    const Operand& operand = op(id).operands[i];
    if (!is_part(shape_, op(id), operand) || resident(operand.tensor) != nullptr) continue;
    const bool is_held = operand.reach == Reach::whole || std::ranges::count(tiling_.held, id) != 0;
    if (is_held) {
      const NpuTensor& source = work_.tensor(operand.tensor);
      const Box box = needed(work_, op(id), i, work_.tensor(op(id).output).box());
      const int last = static_cast<int>(shape_.stages.size());
      part_place(id, i).slot = add_slot(source.name, source.bytes(box), 0, last, false);
      part_place(id, i).held = true;
    } else {
      largest = std::max(largest, part_bytes(id, i));
      ++streamed;
    }
  }
  return streamed;
}

/// Parts that are not held go through a ring of slots that all ops of the group share.
void GroupEmitter::make_part_slots() {
  int64_t largest = 0;
  int at_once = 0;
  for (const Stage& stage : shape_.stages) {
    int streamed = 0;
    for (OpId id = stage.first; id < stage.end; ++id) streamed += streamed_operands(id, largest);
    at_once = std::max(at_once, streamed);
  }
  const int copies = at_once * (tiling_.double_buffered ? 2 : 1);
  const int last = static_cast<int>(shape_.stages.size());
  for (int i = 0; i < copies; ++i) {
    const std::string label = "parts, " + std::to_string(i + 1) + " of " + std::to_string(copies);
    ring_.push_back(add_slot(label, largest, 0, last, tiling_.double_buffered));
  }
  ring_holds_.assign(ring_.size(), nullptr);
}

}  // namespace edgefusion::npu
