#pragma once

#include <optional>
#include <vector>

#include "npu/box.h"

namespace edgefusion::npu {

/// A box without elements, told without arithmetic that could overflow on boxes from elsewhere.
inline bool is_empty(const Box& box) {
  for (size_t axis = 0; axis < kAxes; ++axis) {
    if (box.end[axis] <= box.begin[axis]) return true;
  }
  return false;
}

/// A set of elements of one tensor, as few disjoint boxes: neighbours that make a box together are
/// joined, so that what is written tile by tile in any regular order stays one or two of them.
class BoxSet {
 public:
  void add(const Box& box);
  void remove(const Box& box);
  void clear() { boxes_.clear(); }
  bool empty() const { return boxes_.empty(); }
  bool overlaps(const Box& box) const;
  bool covers(const Box& box) const { return !missing(box).has_value(); }
  /// Some part of `box` that is not in the set, or nothing.
  std::optional<Box> missing(const Box& box) const;

 private:
  void join(Box box);
  std::vector<Box> boxes_;
};

}  // namespace edgefusion::npu
