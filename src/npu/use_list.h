#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "npu/box.h"

namespace edgefusion::npu {

/// Commands that touched parts of one thing, found by the part. Tiles come in order, so that uses
/// beside each other in the list are beside each other in the tensor: boxes around every 16 uses,
/// and around every 16 of those, tell where not to look.
class UseList {
 public:
  struct Use {
    int32_t command = -1;
    Box box;
  };

  const std::vector<Use>& all() const { return uses_; }

  void clear() {
    uses_.clear();
    hulls_.clear();
  }

  void add(int32_t command, const Box& box) {
    uses_.push_back({command, box});
    if (hulls_.empty()) hulls_.emplace_back();
    widen(uses_.size() - 1, box);
    if (hulls_.back().size() > kFan) add_level();
  }

  /// tell(command) of each use that overlaps `box`.
  template <typename Tell>
  void visit(const Box& box, const Tell& tell) const {
    if (uses_.empty()) return;
    walk(hulls_.size(), 0, kFan, box, [&](size_t i) { tell(uses_[i].command); });
  }

  /// The same, and forgets those that lie within `box`.
  template <typename Tell>
  void overwrite(const Box& box, const Tell& tell) {
    if (uses_.empty()) return;
    walk(hulls_.size(), 0, kFan, box, [&](size_t i) {
      tell(uses_[i].command);
      if (box.contains(uses_[i].box)) forget(i);
    });
  }

 private:
  static constexpr size_t kFan = 16;

  static bool meet(const Box& a, const Box& b) {
    bool result = true;
    for (size_t axis = 0; axis < kAxes; ++axis) {
      result &= std::max(a.begin[axis], b.begin[axis]) < std::min(a.end[axis], b.end[axis]);
    }
    return result;
  }

  static void widen(Box& hull, const Box& box) {
    for (size_t axis = 0; axis < kAxes; ++axis) {
      hull.begin[axis] = std::min(hull.begin[axis], box.begin[axis]);
      hull.end[axis] = std::max(hull.end[axis], box.end[axis]);
    }
  }

  /// All hulls around use `index`, which may be the last one and new.
  void widen(size_t index, const Box& box) {
    for (std::vector<Box>& level : hulls_) {
      index /= kFan;
      if (index == level.size()) {
        level.push_back(box);
      } else {
        widen(level[index], box);
      }
    }
  }

  void add_level() {
    std::vector<Box> level;
    const std::vector<Box>& below = hulls_.back();
    for (size_t i = 0; i < below.size(); ++i) {
      if (i % kFan == 0) level.push_back(below[i]);
      widen(level.back(), below[i]);
    }
    hulls_.push_back(std::move(level));
  }

  /// found(i) of uses that overlap `box` under entries [begin, end) of a level (0: the uses), from
  /// the last to the first: `found` may forget the one it is told.
  template <typename Found>
  void walk(size_t level, size_t begin, size_t end, const Box& box, const Found& found) const {
    if (level == 0) {
      for (size_t i = std::min(end, uses_.size()); i-- > begin;) {
        if (meet(uses_[i].box, box)) found(i);
      }
      return;
    }
    const std::vector<Box>& hulls = hulls_[level - 1];
    for (size_t i = std::min(end, hulls.size()); i-- > begin;) {
      if (meet(hulls[i], box)) walk(level - 1, i * kFan, (i + 1) * kFan, box, found);
    }
  }

  /// The last use, which walk() has been at, takes its place. Hulls may stay too wide.
  void forget(size_t index) {
    uses_[index] = uses_.back();
    widen(index, uses_[index].box);
    uses_.pop_back();
    size_t count = uses_.size();
    for (std::vector<Box>& level : hulls_) {
      count = (count + kFan - 1) / kFan;
      level.resize(count);
    }
  }

  std::vector<Use> uses_;
  std::vector<std::vector<Box>> hulls_;  ///< the highest level has at most kFan
};

}  // namespace edgefusion::npu
