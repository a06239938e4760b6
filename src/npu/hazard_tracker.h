#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "npu/schedule.h"
#include "npu/use_list.h"

namespace edgefusion::npu {

/// Walks a schedule in order and tells what each command must wait for: what wrote the parts it
/// reads, what read or wrote the parts it writes. Parts are compared within one content of a slot
/// and within one tensor in DRAM; a new content waits for all that was done with those that lay on
/// its bytes. Uses that a later write covers are not told any more: it has waited for them.
///
/// Order: `bool implies(a, b)`, whether what waits for command a need not wait for command b.
template <typename Order>
class HazardTracker {
 public:
  HazardTracker(const Schedule& schedule, Order order)
      : schedule_(schedule), order_(std::move(order)), contents_(schedule.slots.size()) {
    for (const Command& command : schedule.commands) {
      for (const Access& write : command.writes) {
        if (write.slot == kDram) note_stored(write.tensor);
      }
    }
  }

  /// depend(earlier command), for some more than once. Commands in order, each once.
  template <typename Depend>
  void visit(int32_t index, const Command& command, const Depend& depend) {
    const auto others = [&](int32_t earlier) {
      if (earlier != index) depend(earlier);
    };
    for (const Access& access : command.reads) {
      if (access.box.empty()) continue;
      if (access.slot != kDram) {
        read_slot(index, access, others);
      } else if (Parts* stored = stored_parts(access.tensor)) {
        stored->writes.visit(access.box, others);
        stored->reads.add(index, access.box);
      }
    }
    for (const Access& access : command.writes) {
      if (access.box.empty()) continue;
      if (access.slot != kDram) {
        write_slot(index, access, others);
      } else if (Parts* stored = stored_parts(access.tensor)) {
        write(index, access.box, *stored, others);
      }
    }
  }

 private:
  struct Parts {
    UseList reads, writes;
  };
  struct Content {
    bool is_there = false;
    TensorId tensor = kNoTensor;
    Box held;
    Parts parts;
    /// What was done with the bytes before: every write waits for it until one has covered all.
    std::vector<int32_t> before;

    bool is(const Access& access) const {
      return is_there && tensor == access.tensor && held == access.held;
    }
  };

  /// Bytes of a slot with a content, or (slot -1) the rest of one that another reached into.
  struct Range {
    int64_t begin = 0, end = 0;
    int slot = -1;
    std::vector<int32_t> before;  ///< users of the rest
  };
  using RangeAt = typename std::vector<Range>::iterator;

  Content& content(int slot) { return contents_[static_cast<size_t>(slot)]; }
  int64_t begin_of(int slot) const { return schedule_.slots[static_cast<size_t>(slot)].offset; }
  int64_t end_of(int slot) const {
    return begin_of(slot) + std::max<int64_t>(1, schedule_.slots[static_cast<size_t>(slot)].bytes);
  }

  void note_stored(TensorId tensor) {
    if (tensor < 0) return;
    const auto index = static_cast<size_t>(tensor);
    if (index >= stored_index_.size()) stored_index_.resize(index + 1, -1);
    if (stored_index_[index] >= 0) return;
    stored_index_[index] = static_cast<int32_t>(stored_.size());
    stored_.emplace_back();
  }

  /// nullptr of a tensor that nothing in the schedule stores.
  Parts* stored_parts(TensorId tensor) {
    if (tensor < 0 || static_cast<size_t>(tensor) >= stored_index_.size()) return nullptr;
    const int32_t index = stored_index_[static_cast<size_t>(tensor)];
    return index < 0 ? nullptr : &stored_[static_cast<size_t>(index)];
  }

  template <typename Depend>
  void write(int32_t index, const Box& box, Parts& parts, const Depend& depend) {
    parts.writes.overwrite(box, depend);
    parts.reads.overwrite(box, depend);
    parts.writes.add(index, box);
  }

  template <typename Depend>
  void read_slot(int32_t index, const Access& access, const Depend& depend) {
    Content& mine = content(access.slot);
    if (mine.is(access)) {
      for (const int32_t earlier : mine.before) depend(earlier);
      mine.parts.writes.visit(access.box, depend);
      mine.parts.reads.add(index, access.box);
      return;
    }
    // Not what lies there now, so no right schedule: waits for whatever does, and keeps it there.
    fill_gaps(access.slot);
    const auto [first, last] = ranges_of(access.slot);
    for (auto range = first; range != last; ++range) {
      for (const int32_t earlier : range->before) depend(earlier);
      if (range->slot < 0) {
        range->before.push_back(index);
      } else {
        Content& other = content(range->slot);
        for (const UseList::Use& use : other.parts.writes.all()) depend(use.command);
        other.parts.reads.add(index, other.held);
      }
    }
  }

  template <typename Depend>
  void write_slot(int32_t index, const Access& access, const Depend& depend) {
    Content& mine = content(access.slot);
    if (mine.is(access)) {
      for (const int32_t earlier : mine.before) depend(earlier);
      write(index, access.box, mine.parts, depend);
    } else {
      mine.before = take_over(access.slot, index);
      for (const int32_t earlier : mine.before) depend(earlier);
      mine.is_there = true;
      mine.tensor = access.tensor;
      mine.held = access.held;
      mine.parts.writes.add(index, access.box);
    }
    if (access.box.contains(access.held)) mine.before.clear();
  }

  /// The slot has its bytes to itself; returns the commands that used them. Those had waited for
  /// what was there before them. Of contents that reach beyond, the rest keeps their uses.
  std::vector<int32_t> take_over(int slot, int32_t index) {
    const auto [first, last] = ranges_of(slot);
    const Range mine = {begin_of(slot), end_of(slot), slot, {}};
    std::vector<int32_t> before;
    bool is_user = false;  // overwrites what it reads: others that do must wait for it
    std::vector<Range> now = {mine};
    for (auto range = first; range != last; ++range) {
      if (range->slot >= 0) range->before = clear(content(range->slot), index);
      for (const int32_t user : range->before) {
        is_user = is_user || user == index;
        if (user != index) keep_last(before, user);
      }
      if (range->begin < mine.begin) {
        now.insert(now.begin(), {range->begin, mine.begin, -1, range->before});
      }
      if (range->end > mine.end) now.push_back({mine.end, range->end, -1, range->before});
    }
    replace(first, last, std::move(now));
    if (is_user) before.push_back(index);
    return before;
  }

  /// Forgets a content; returns the commands that used it, `index` (which has not ended and cannot
  /// be compared) last.
  std::vector<int32_t> clear(Content& content, int32_t index) {
    std::vector<int32_t> users;
    bool is_user = false;
    for (UseList* list : {&content.parts.writes, &content.parts.reads}) {
      for (const UseList::Use& use : list->all()) {
        is_user = is_user || use.command == index;
        if (use.command != index) keep_last(users, use.command);
      }
      list->clear();
    }
    if (is_user) users.push_back(index);
    content.before.clear();
    content.is_there = false;
    return users;
  }

  /// So that all bytes of the slot are in some range.
  void fill_gaps(int slot) {
    const auto [first, last] = ranges_of(slot);
    std::vector<Range> now;
    int64_t at = begin_of(slot);
    for (auto range = first; range != last; ++range) {
      if (range->begin > at) now.push_back({at, range->begin, -1, {}});
      at = range->end;
      now.push_back(std::move(*range));
    }
    if (at < end_of(slot)) now.push_back({at, end_of(slot), -1, {}});
    replace(first, last, std::move(now));
  }

  void replace(RangeAt first, RangeAt last, std::vector<Range> now) {
    ranges_.insert(ranges_.erase(first, last), std::make_move_iterator(now.begin()),
                   std::make_move_iterator(now.end()));
  }

  void keep_last(std::vector<int32_t>& commands, int32_t command) {
    for (const int32_t kept : commands) {
      if (order_.implies(kept, command)) return;
    }
    std::erase_if(commands, [&](int32_t kept) { return order_.implies(command, kept); });
    commands.push_back(command);
  }

  /// [first, last) of ranges_ that share bytes with the slot.
  std::pair<RangeAt, RangeAt> ranges_of(int slot) {
    const int64_t begin = begin_of(slot), end = end_of(slot);
    const auto first = std::partition_point(ranges_.begin(), ranges_.end(),
                                            [&](const Range& range) { return range.end <= begin; });
    const auto last = std::partition_point(first, ranges_.end(),
                                           [&](const Range& range) { return range.begin < end; });
    return {first, last};
  }

  const Schedule& schedule_;
  Order order_;
  std::vector<Content> contents_;      ///< by slot
  std::vector<Range> ranges_;          ///< sorted, none on bytes of another
  std::vector<int32_t> stored_index_;  ///< by tensor; -1: never stored
  std::vector<Parts> stored_;
};

}  // namespace edgefusion::npu
