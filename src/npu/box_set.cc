#include "npu/box_set.h"

#include <algorithm>
#include <utility>

namespace edgefusion::npu {
namespace {

// Appends what is left of `box` without `hole` as up to eight disjoint boxes.
void subtract(Box box, const Box& hole, std::vector<Box>& rest) {
  if (!box.overlaps(hole)) {
    rest.push_back(box);
    return;
  }
  for (size_t axis = 0; axis < kAxes; ++axis) {
    if (box.begin[axis] < hole.begin[axis]) {
      rest.push_back(box.with(axis, box.begin[axis], hole.begin[axis]));
      box.begin[axis] = hole.begin[axis];
    }
    if (hole.end[axis] < box.end[axis]) {
      rest.push_back(box.with(axis, hole.end[axis], box.end[axis]));
      box.end[axis] = hole.end[axis];
    }
  }
}

// Whether two disjoint boxes make one box together.
bool are_neighbours(const Box& a, const Box& b) {
  size_t differing = kAxes;
  for (size_t axis = 0; axis < kAxes; ++axis) {
    if (a.begin[axis] == b.begin[axis] && a.end[axis] == b.end[axis]) continue;
    if (differing != kAxes) return false;
    differing = axis;
  }
  return differing != kAxes &&
         (a.end[differing] == b.begin[differing] || b.end[differing] == a.begin[differing]);
}

// `pieces` without the elements of `holes`.
std::vector<Box> without(std::vector<Box> pieces, const std::vector<Box>& holes) {
  std::vector<Box> rest;
  for (const Box& hole : holes) {
    rest.clear();
    for (const Box& piece : pieces) subtract(piece, hole, rest);
    std::swap(pieces, rest);
    if (pieces.empty()) break;
  }
  return pieces;
}

}  // namespace

void BoxSet::join(Box box) {
  for (size_t i = 0; i < boxes_.size();) {
    if (!are_neighbours(boxes_[i], box)) {
      ++i;
      continue;
    }
    box = box.hull(boxes_[i]);
    boxes_[i] = boxes_.back();
    boxes_.pop_back();
    i = 0;
  }
  boxes_.push_back(box);
}

void BoxSet::add(const Box& box) {
  if (is_empty(box)) return;
  bool apart = true;
  for (const Box& held : boxes_) {
    if (held.contains(box)) return;
    apart = apart && !held.overlaps(box);
  }
  if (apart) {
    join(box);
    return;
  }
  std::erase_if(boxes_, [&](const Box& held) { return box.contains(held); });
  for (const Box& piece : without({box}, boxes_)) join(piece);
}

void BoxSet::remove(const Box& box) {
  if (is_empty(box) || !overlaps(box)) return;
  boxes_ = without(std::move(boxes_), {box});
}

bool BoxSet::overlaps(const Box& box) const {
  return std::ranges::any_of(boxes_, [&](const Box& held) { return held.overlaps(box); });
}

std::optional<Box> BoxSet::missing(const Box& box) const {
  if (is_empty(box)) return std::nullopt;
  for (const Box& held : boxes_) {
    if (held.contains(box)) return std::nullopt;
  }
  const std::vector<Box> rest = without({box}, boxes_);
  if (rest.empty()) return std::nullopt;
  return rest.front();
}

}  // namespace edgefusion::npu
