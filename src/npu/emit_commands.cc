#include <algorithm>
#include <utility>

#include "npu/group_emitter.h"

// How an op's command finds its operands, and how it is shared among the engines.

namespace edgefusion::npu {
namespace {

/// Keys of one head's part of the scores, as places of k or v.
Box key_places(const Work& work, const Op& mix, size_t operand, const Box& out, const Box& scores) {
  const Box all = needed(work, mix, operand, out);
  const NpuTensor& values = work.tensor(mix.operands[operand].tensor);
  const int64_t first = scores.begin[kChannels] % mix.keys;
  const int64_t last = first + scores.extent(kChannels);
  const int64_t columns = values.extent[kColumns];
  if (last - first >= mix.keys) return all;
  if (columns == 1) return all.with(kLines, first, last);
  const int64_t line = first / columns;
  if (first % columns == 0 && last % columns == 0) return all.with(kLines, line, last / columns);
  return all.with(kLines, line, (last - 1) / columns + 1)
      .with(kColumns, first - line * columns, last - line * columns);
}

}  // namespace

/// Output channels whose weights fit into one part; of held weights all.
int64_t GroupEmitter::outputs_at_once(OpId id) const {
  const Op& part_op = op(id);
  const int64_t channels = work_.tensor(part_op.output).extent[kChannels];
  const bool held = std::ranges::count(tiling_.held, id) != 0;
  const auto weights = std::ranges::find(part_op.operands, Reach::outputs, &Operand::reach);
  if (weights == part_op.operands.end() || tiling_.part_bytes == 0) return channels;
  if (held && !tiling_.parts_outer) return channels;
  const NpuTensor& tensor = work_.tensor(weights->tensor);
  const int64_t line = std::max<int64_t>(1, tensor.extent[kChannels] * tensor.bits / 8);
  const int64_t align = device_.tensor.align_outputs;
  int64_t outputs = std::max<int64_t>(1, tiling_.part_bytes / line);
  if (outputs > align) outputs = outputs / align * align;
  return std::min(outputs, channels);
}

void GroupEmitter::begin_content(TensorId id, const Box& held) {
  Place& place = places_[index_of(id)];
  if (place.resident >= 0) return;
  place.held.resize(std::max(place.held.size(), place.slots.size()));
  place.held[place.current] = held;
}

Access GroupEmitter::tensor_access(TensorId id, const Box& box) const {
  if (const Resident* known = resident(id)) {
    return {known->slot, id, work_.tensor(id).box(), box};
  }
  const Place& place = places_[index_of(id)];
  const size_t current = std::min(place.current, place.slots.size() - 1);
  return {place.slots[current], id, place.held[current], box};
}

/// Brings the parts of operands that `out` needs, held ones once.
void GroupEmitter::load_parts(OpId id, const Box& out, std::optional<Box> scores) {
  for (size_t i = 0; i < op(id).operands.size(); ++i) {
    const Operand& operand = op(id).operands[i];
    if (!is_part(shape_, op(id), operand) || resident(operand.tensor) != nullptr) continue;
    PartPlace& place = part_place(id, i);
    Box box = needed(work_, op(id), i, place.held ? work_.tensor(op(id).output).box() : out);
    if (!place.held && scores && operand.reach == Reach::keys) {
      box = key_places(work_, op(id), i, out, *scores);
    }
    const bool there = place.held || (place.loaded && ring_holds_[place.ring_index] == &place);
    if (place.loaded && there && place.now.held == box) continue;
    if (!place.held) {
      place.ring_index = next_ring_index(id);
      ring_holds_[place.ring_index] = &place;
      place.slot = ring_[place.ring_index];
    }
    place.now = {place.slot, operand.tensor, box, box};
    place.loaded = true;
    copy(Action::load, {kDram, operand.tensor, box, box}, place.now);
  }
}

/// The slot after the last one, but none that another operand of the same op lies in: both are read
/// together.
size_t GroupEmitter::next_ring_index(OpId id) {
  const std::vector<PartPlace>& mine = parts_[static_cast<size_t>(id - shape_.first)];
  for (size_t tries = 0; tries < ring_.size(); ++tries) {
    const size_t index = next_in_ring_;
    next_in_ring_ = (next_in_ring_ + 1) % ring_.size();
    const PartPlace* holds = ring_holds_[index];
    const bool is_mine =
        holds != nullptr && holds >= mine.data() && holds < mine.data() + mine.size();
    if (!is_mine || mine.size() >= 1 + ring_.size()) return index;
    if (ring_.size() == 1) return index;
    // A part of this op: the older one of an operand goes, the newest of another stays.
    if (holds->ring_index != index) return index;
    const auto streamed = std::ranges::count_if(
        mine, [](const PartPlace& place) { return !place.held && place.slot >= 0; });
    if (streamed <= 1) return index;
  }
  return next_in_ring_;
}

Access GroupEmitter::operand_access(OpId id, size_t operand, const Box& out,
                                    const std::optional<Box>& scores) {
  const Operand& what = op(id).operands[operand];
  Box box = needed(work_, op(id), operand, out);
  if (op(id).kind == OpKind::group_stats) {
    box = own_share(work_, shape_, what.tensor, now_->tile);
  }
  if (scores && op(id).kind == OpKind::mix) {
    box = what.reach == Reach::keys
              ? key_places(work_, op(id), operand, out, *scores)
              : out.with(kChannels, scores->begin[kChannels], scores->end[kChannels]);
  }
  if (box.empty()) return {kDram, what.tensor, box, box};
  if (is_part(shape_, op(id), what) && resident(what.tensor) == nullptr) {
    Access access = part_place(id, operand).now;
    access.box = box;
    return access;
  }
  return tensor_access(what.tensor, box);
}

/// One command for each tensor engine, which take their shares of the lines, else of the columns or
/// channels; one for vector engines, whose lanes are many.
void GroupEmitter::compute(OpId id, const Box& out, Part part, std::optional<Box> scores) {
  const bool on_tensor = op(id).is_matrix() && part != Part::rescale && part != Part::finish;
  const int64_t units = on_tensor ? device_.tensor.count : 1;
  if (units == 1) return compute_share(id, out, part, scores);
  Axis axis = kLines;
  if (out.extent(kLines) < units) axis = kColumns;
  if (out.extent(axis) < units) axis = kChannels;
  const int64_t unit = axis == kChannels ? chunk_unit(work_, op(id)) : 1;
  const int64_t pieces = std::max<int64_t>(1, out.extent(axis) / unit);
  for (int64_t i = 0; i < units; ++i) {
    const int64_t begin = pieces * i / units, end = pieces * (i + 1) / units;
    if (begin == end) continue;
    const int64_t first = out.begin[axis];
    compute_share(
        id,
        out.with(axis, first + begin * unit, i + 1 == units ? out.end[axis] : first + end * unit),
        part, scores);
  }
}

void GroupEmitter::compute_share(OpId id, const Box& out, Part part,
                                 const std::optional<Box>& scores) {
  Command command;
  command.group = setting_.group;
  command.op = id;
  command.part = part;
  command.out = out;
  const Op& what = op(id);
  const auto state = [&] {
    const int64_t head = what.kind == OpKind::mix ? out.begin[kChannels] / chunk_unit(work_, what)
                                                  : out.begin[kChannels] / what.keys;
    return Access{state_slot_, what.state, state_held_,
                  out.with(kChannels, 3 * head, 3 * head + 3)};
  };
  const bool corrects = part == Part::rescale || part == Part::finish;
  if (corrects) {
    command.reads = {tensor_access(what.output, out), state()};
  } else {
    command.reads.reserve(what.operands.size());
    for (size_t i = 0; i < what.operands.size(); ++i) {
      command.reads.push_back(operand_access(id, i, out, scores));
    }
  }
  command.writes.push_back(tensor_access(what.output, out));
  if (what.kind == OpKind::softmax && part != Part::all) {
    if (part == Part::more) command.reads.push_back(state());
    command.writes.push_back(state());
  }
  schedule_.commands.push_back(std::move(command));
}

}  // namespace edgefusion::npu
