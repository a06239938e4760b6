#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace edgefusion::npu {

/// Axes of a tensor as an NPU sees it: batch, lines, columns, channels. Tokens that come from a
/// picture keep its lines and columns; others are lines of one column; a vector is one place.
enum Axis : size_t { kBatch = 0, kLines = 1, kColumns = 2, kChannels = 3, kAxes = 4 };

/// A part of a tensor: [begin, end) on each axis, channels innermost.
struct Box {
  std::array<int64_t, kAxes> begin{};
  std::array<int64_t, kAxes> end{};

  static Box whole(const std::array<int64_t, kAxes>& extent) { return {{}, extent}; }

  int64_t extent(size_t axis) const { return end[axis] - begin[axis]; }
  /// Places times channels; 0 if any extent is not positive.
  int64_t elements() const {
    int64_t product = 1;
    for (size_t axis = 0; axis < kAxes; ++axis) product *= std::max<int64_t>(0, extent(axis));
    return product;
  }
  /// Elements of one channel.
  int64_t places() const { return extent(kBatch) * extent(kLines) * extent(kColumns); }
  bool empty() const { return elements() == 0; }
  bool contains(const Box& other) const {
    for (size_t axis = 0; axis < kAxes; ++axis) {
      if (other.begin[axis] < begin[axis] || other.end[axis] > end[axis]) return false;
    }
    return true;
  }
  bool overlaps(const Box& other) const { return !intersection(other).empty(); }
  Box intersection(const Box& other) const {
    Box result;
    for (size_t axis = 0; axis < kAxes; ++axis) {
      result.begin[axis] = std::max(begin[axis], other.begin[axis]);
      result.end[axis] = std::max(result.begin[axis], std::min(end[axis], other.end[axis]));
    }
    return result;
  }
  /// The smallest box around both; an empty one counts for nothing.
  Box hull(const Box& other) const {
    if (empty()) return other;
    if (other.empty()) return *this;
    Box result;
    for (size_t axis = 0; axis < kAxes; ++axis) {
      result.begin[axis] = std::min(begin[axis], other.begin[axis]);
      result.end[axis] = std::max(end[axis], other.end[axis]);
    }
    return result;
  }
  Box with(size_t axis, int64_t from, int64_t to) const {
    Box result = *this;
    result.begin[axis] = from;
    result.end[axis] = to;
    return result;
  }
  bool operator==(const Box&) const = default;
  /// "[0:1, 0:16, 0:64, 0:320]"
  std::string to_string() const;
};

}  // namespace edgefusion::npu
