#include "npu/group_emitter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "npu/allocate.h"

// The commands of a group, tile by tile: loads of the next tile before the ops of this one, parts
// of weights just before the op that takes them, results stored as soon as they are made.

namespace edgefusion::npu {

GroupEmitter::GroupEmitter(const Device& device, const Work& work, const GroupSetting& setting,
                           Schedule& schedule)
    : device_(device),
      work_(work),
      setting_(setting),
      shape_(*setting.shape),
      tiling_(setting.tiling),
      schedule_(schedule),
      first_slot_(schedule.slots.size()) {}

const Resident* GroupEmitter::resident(TensorId id) const {
  const auto found = std::ranges::find(setting_.residents, id, &Resident::tensor);
  return found == setting_.residents.end() ? nullptr : &*found;
}

GroupEmitter::PartPlace& GroupEmitter::part_place(OpId id, size_t operand) {
  return parts_[static_cast<size_t>(id - shape_.first)][operand];
}

Status GroupEmitter::check_tiling() const {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::invalid_argument, std::move(why));
  };
  if (shape_.one_tile && rounds_.size() > 1) return refuse("needs all its places in one tile");
  if (tiling_.parts_outer && shape_.stages.size() > 1)
    return refuse("parts outside of several ops");
  if (tiling_.parts_outer && op(shape_.first).kind == OpKind::group_stats) {
    return refuse("parts outside of statistics");
  }
  const bool in_blocks = tiling_.key_block > 0;
  if (in_blocks && tiling_.heads != 1) return refuse("blocks of keys of several heads");
  for (const Stage& stage : shape_.stages) {
    if (!in_blocks || !stage.is_attention()) continue;
    const NpuTensor& k = work_.tensor(op(stage.first).operands[1].tensor);
    const int64_t columns = k.extent[kColumns];
    if (tiling_.key_block % columns != 0 && columns % tiling_.key_block != 0) {
      return refuse("blocks of keys that are neither whole lines nor equal parts of one");
    }
  }
  if (tiling_.online && !in_blocks) return refuse("an online softmax without blocks of keys");
  return {};
}

/// Channels of the result a part outside makes.
int64_t GroupEmitter::parts_outside(const Op& last) const {
  if (last.kind == OpKind::scores && tiling_.key_block > 0) return tiling_.key_block;
  if (last.keys > 0) return tiling_.heads * chunk_unit(work_, last);
  return outputs_at_once(shape_.end - 1);
}

void GroupEmitter::list_rounds() {
  const std::vector<Box> all = tiles(work_, shape_, tiling_);
  if (!tiling_.parts_outer) {
    rounds_ = all;
    return;
  }
  const int64_t channels = work_.tensor(shape_.anchor).extent[kChannels];
  const int64_t step = std::max<int64_t>(1, parts_outside(op(shape_.end - 1)));
  for (int64_t c = 0; c < channels;) {
    const int64_t end = std::min(channels, part_end(op(shape_.end - 1), c, step));
    for (const Box& tile : all) rounds_.push_back(tile.with(kChannels, c, end));
    c = end;
  }
}

GroupEmitter::Round GroupEmitter::round(size_t index) const {
  Round result{.tile = rounds_[index], .boxes = tile_boxes(work_, shape_, rounds_[index])};
  const Box whole = work_.tensor(shape_.anchor).box();
  result.first_of_items = result.tile.begin[kLines] == 0 && result.tile.begin[kColumns] == 0;
  result.last_of_items = result.tile.end[kLines] == whole.end[kLines] &&
                         result.tile.end[kColumns] == whole.end[kColumns];
  return result;
}

/// Which slot a tensor from outside has in this round was chosen when it was loaded; those made
/// here alternate.
void GroupEmitter::choose_slots(size_t round) {
  for (size_t t = 0; t < places_.size(); ++t) {
    Place& place = places_[t];
    if (tensor(t).role == Role::inner && !place.slots.empty()) {
      place.current = round % place.slots.size();
    }
  }
}

Result<GroupTiles> GroupEmitter::emit() {
  if (shape_.on_host) {
    run_on_host(shape_.first);
    return GroupTiles{.total = 1, .ends = {schedule_.commands.size()}};
  }
  list_rounds();
  EF_TRY_STATUS(check_tiling());
  make_slots();
  EF_TRY_STATUS(
      allocate(device_, std::span(schedule_.slots).subspan(first_slot_), setting_.memory_limit));
  GroupTiles result{.total = rounds_.size(), .ends = {}};
  load_vectors();
  const size_t count = std::min(rounds_.size(), setting_.most_tiles);
  Round current = round(0);
  load_tiles(current, 0);
  for (size_t i = 0; i < count; ++i) {
    const bool more = i + 1 < rounds_.size();
    Round next = more ? round(i + 1) : Round{};
    choose_slots(i);
    std::vector<size_t> mine, theirs;
    for (const Place& place : places_) mine.push_back(place.current);
    if (more && tiling_.double_buffered) load_tiles(next, i + 1);
    for (size_t t = 0; t < places_.size(); ++t) {
      theirs.push_back(std::exchange(places_[t].current, mine[t]));
    }
    now_ = &current;
    for (const Stage& stage : shape_.stages) {
      run_stage(stage, current);
      store_results(stage, current);
    }
    for (size_t t = 0; t < places_.size(); ++t) places_[t].current = theirs[t];
    if (more && !tiling_.double_buffered) load_tiles(next, i + 1);
    current = std::move(next);
    result.ends.push_back(schedule_.commands.size());
  }
  return result;
}

void GroupEmitter::copy(Action action, const Access& from, const Access& to) {
  Command command;
  command.action = action;
  command.group = setting_.group;
  command.out = from.box;
  command.reads.push_back(from);
  command.writes.push_back(to);
  schedule_.commands.push_back(std::move(command));
}

void GroupEmitter::load_vectors() {
  for (size_t t = 0; t < places_.size(); ++t) {
    Place& place = places_[t];
    if (tensor(t).role != Role::vector || place.resident >= 0) continue;
    const TensorId id = tensor(t).tensor;
    const Box box = work_.tensor(id).box();
    place.held = {box};
    copy(Action::load, {kDram, id, box, box}, {place.slots.front(), id, box, box});
  }
}

/// What the round reads from outside; nothing where a slot has it already.
void GroupEmitter::load_tiles(const Round& round, size_t index) {
  for (size_t t = 0; t < places_.size(); ++t) {
    Place& place = places_[t];
    const Box& box = round.boxes[t];
    if (tensor(t).role != Role::tile || place.resident >= 0 || box.empty()) continue;
    place.held.resize(place.slots.size());
    // A slot that is not taken through all steps was overwritten in the round before.
    const Slot& slot = schedule_.slots[static_cast<size_t>(place.slots.front())];
    if (slot.last_step < static_cast<int>(shape_.stages.size())) place.held.front() = Box{};
    const auto known = std::ranges::find(place.held, box);
    if (known != place.held.end()) {
      place.current = static_cast<size_t>(known - place.held.begin());
      continue;
    }
    // Not the one the round before this reads.
    place.current = index == 0 ? 0 : (place.current + 1) % place.slots.size();
    place.held[place.current] = box;
    const TensorId id = tensor(t).tensor;
    copy(Action::load, {kDram, id, box, box}, {place.slots[place.current], id, box, box});
  }
}

void GroupEmitter::run_on_host(OpId id) {
  Command command;
  command.action = Action::host;
  command.group = setting_.group;
  command.op = id;
  command.out = work_.tensor(op(id).output).box();
  for (size_t i = 0; i < op(id).operands.size(); ++i) {
    const TensorId operand = op(id).operands[i].tensor;
    command.reads.push_back(
        {kDram, operand, work_.tensor(operand).box(), needed(work_, op(id), i, command.out)});
  }
  command.writes.push_back({kDram, op(id).output, command.out, command.out});
  schedule_.commands.push_back(std::move(command));
}

void GroupEmitter::run_stage(const Stage& stage, const Round& round) {
  const OpId id = stage.end - 1;
  const Box& out = round.boxes[index_of(op(id).output)];
  if (out.empty()) return;
  if (stage.is_attention()) return run_attention(stage, out);
  begin_content(op(id).output, out);
  if (op(id).kind == OpKind::group_stats) {
    const Part part = round.first_of_items && round.last_of_items ? Part::all
                      : round.first_of_items                      ? Part::first
                                                                  : Part::more;
    return compute(id, out, part);
  }
  run_in_parts(id, out);
}

/// The end of a part of the channels from c on: blocks of keys do not go across heads.
int64_t GroupEmitter::part_end(const Op& of, int64_t c, int64_t step) const {
  const bool in_blocks = of.kind == OpKind::scores && tiling_.key_block > 0;
  return in_blocks ? std::min(c + step, (c / of.keys + 1) * of.keys) : c + step;
}

/// Output channels after output channels where the weights come so, heads after heads.
void GroupEmitter::run_in_parts(OpId id, const Box& out) {
  const int64_t step = op(id).keys > 0 ? parts_outside(op(id)) : outputs_at_once(id);
  for (int64_t c = out.begin[kChannels]; c < out.end[kChannels];) {
    const int64_t end = std::min(out.end[kChannels], part_end(op(id), c, step));
    const Box part = out.with(kChannels, c, end);
    c = end;
    if (op(id).kind == OpKind::mix) {
      run_mix(id, part);
      continue;
    }
    load_parts(id, part);
    compute(id, part);
  }
}

/// Sums of all keys, or of a block of them after another.
void GroupEmitter::run_mix(OpId id, const Box& out) {
  const Box rows = needed(work_, op(id), 0, out);
  const int64_t block = tiling_.key_block > 0 ? tiling_.key_block : rows.extent(kChannels);
  for (int64_t c = rows.begin[kChannels]; c < rows.end[kChannels]; c += block) {
    const Box keys = rows.with(kChannels, c, std::min(rows.end[kChannels], c + block));
    const bool is_all = keys == rows;
    const bool is_first = c == rows.begin[kChannels];
    load_parts(id, out, is_all ? std::nullopt : std::optional(keys));
    compute(id, out, is_all ? Part::all : is_first ? Part::first : Part::more, keys);
  }
}

void GroupEmitter::run_attention(const Stage& stage, const Box& out) {
  begin_content(op(stage.end - 1).output, out);
  state_slot_ = state_slots_[static_cast<size_t>(step_of(stage.first) - 1)];
  const int64_t width = chunk_unit(work_, op(stage.end - 1));
  const int64_t step = tiling_.heads * width;
  for (int64_t c = out.begin[kChannels]; c < out.end[kChannels]; c += step) {
    const Box part = out.with(kChannels, c, std::min(out.end[kChannels], c + step));
    if (tiling_.online) {
      run_online(stage, part);
    } else {
      run_heads(stage, part);
    }
  }
}

/// Whole rows of scores, made and used up a block of keys after another.
void GroupEmitter::run_heads(const Stage& stage, const Box& out) {
  const OpId scores_id = stage.first, softmax_id = stage.first + 1, mix_id = stage.first + 2;
  const Box rows = needed(work_, op(mix_id), 0, out);
  const int64_t block = tiling_.key_block > 0 ? tiling_.key_block : rows.extent(kChannels);
  begin_content(op(scores_id).output, rows);
  for (int64_t c = rows.begin[kChannels]; c < rows.end[kChannels]; c += block) {
    const Box part = rows.with(kChannels, c, std::min(rows.end[kChannels], c + block));
    load_parts(scores_id, part);
    compute(scores_id, part);
  }
  begin_content(op(softmax_id).output, rows);
  load_parts(softmax_id, rows);
  compute(softmax_id, rows);
  run_mix(mix_id, out);
}

/// One block of scores at a time, with the running maximum and sum of each row.
void GroupEmitter::run_online(const Stage& stage, const Box& out) {
  const OpId scores_id = stage.first, softmax_id = stage.first + 1, mix_id = stage.first + 2;
  const Box rows = needed(work_, op(mix_id), 0, out);
  const int64_t head = rows.begin[kChannels] / op(mix_id).keys;
  state_held_ = rows.with(kChannels, 3 * head, 3 * head + 3);
  Part part = Part::first;
  for (int64_t c = rows.begin[kChannels]; c < rows.end[kChannels]; c += tiling_.key_block) {
    const Box block = rows.with(kChannels, c, std::min(rows.end[kChannels], c + tiling_.key_block));
    begin_content(op(scores_id).output, block);
    load_parts(scores_id, block);
    compute(scores_id, block);
    begin_content(op(softmax_id).output, block);
    load_parts(softmax_id, block);
    compute(softmax_id, block, part);
    if (part == Part::more) compute(mix_id, out, Part::rescale);
    load_parts(mix_id, out, block);
    compute(mix_id, out, part, block);
    part = Part::more;
  }
  compute(mix_id, out, Part::finish);
}

void GroupEmitter::store_results(const Stage& stage, const Round& round) {
  for (OpId id = stage.first; id < stage.end; ++id) {
    const TensorId made = op(id).output;
    const size_t index = index_of(made);
    if (!tensor(index).leaves || !places_[index].stored) continue;
    const bool sums = op(id).kind == OpKind::group_stats;
    if (sums && !round.last_of_items) continue;
    Box box = own_share(work_, shape_, made, round.tile);
    if (sums) box = round.boxes[index];
    if (box.empty()) continue;
    copy(Action::store, tensor_access(made, box), {kDram, made, work_.tensor(made).box(), box});
  }
}

}  // namespace edgefusion::npu
