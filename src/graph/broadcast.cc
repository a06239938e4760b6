#include "graph/broadcast.h"

#include <optional>
#include <vector>

namespace edgefusion::graph {
namespace {

bool equal_parts(const Shape& a, int a_begin, int a_end, const Shape& b, int b_begin) {
  for (int axis = a_begin; axis < a_end; ++axis) {
    if (a[axis] != b[b_begin + axis - a_begin]) return false;
  }
  return true;
}

bool is_item_vector(const Shape& a, const Shape& b) {
  if (b[0] != a[0] || b[-1] != a[-1]) return false;
  if (b.rank() == 2) return true;
  for (int axis = 1; axis + 1 < b.rank(); ++axis) {
    if (b[axis] != 1) return false;
  }
  return b.rank() == a.rank();
}

// The readings of b that carry no 1 in the place of the axis they repeat, or one that fits anyway.
std::vector<BroadcastKind> readings_of(const Shape& a, const Shape& b) {
  std::vector<BroadcastKind> readings;
  const int rank = a.rank();
  if (b.rank() == 1 && b[0] == a[-1]) readings.push_back(BroadcastKind::per_channel);
  if (rank < 2 || b.rank() < 2) return readings;
  if (is_item_vector(a, b)) readings.push_back(BroadcastKind::per_item);
  const bool long_form = b.rank() == rank;
  if (!long_form && b.rank() != rank - 1) return readings;
  if (equal_parts(a, 0, rank - 1, b, 0) && (!long_form || b[-1] == 1)) {
    readings.push_back(BroadcastKind::per_row);
  }
  if (equal_parts(a, 1, rank, b, long_form ? 1 : 0) && (!long_form || b[0] == 1)) {
    readings.push_back(BroadcastKind::per_position);
  }
  return readings;
}

Broadcast strides_of(BroadcastKind kind, const RowExtents& a) {
  Broadcast result{kind, 0, 0, 0};
  switch (kind) {
    case BroadcastKind::same:
      result = {kind, a.rows * a.channels, a.channels, 1};
      break;
    case BroadcastKind::per_channel:
      result = {kind, 0, 0, 1};
      break;
    case BroadcastKind::per_item:
      result = {kind, a.channels, 0, 1};
      break;
    case BroadcastKind::per_row:
      result = {kind, a.rows, 1, 0};
      break;
    case BroadcastKind::per_position:
      result = {kind, 0, a.channels, 1};
      break;
  }
  if (a.items == 1) result.item = 0;
  if (a.rows == 1) result.row = 0;
  if (a.channels == 1) result.channel = 0;
  return result;
}

bool same_strides(const Broadcast& a, const Broadcast& b) {
  return a.item == b.item && a.row == b.row && a.channel == b.channel;
}

}  // namespace

RowExtents row_extents(const Shape& shape) {
  RowExtents extents;
  if (shape.rank() > 0) extents.channels = shape[-1];
  if (shape.rank() > 1) extents.items = shape[0];
  for (int axis = 1; axis + 1 < shape.rank(); ++axis) extents.rows *= shape[axis];
  return extents;
}

Result<Broadcast> broadcast_of(const Shape& a, const Shape& b) {
  const RowExtents extents = row_extents(a);
  if (a == b) return strides_of(BroadcastKind::same, extents);
  std::optional<Broadcast> result;
  for (const BroadcastKind kind : readings_of(a, b)) {
    const Broadcast reading = strides_of(kind, extents);
    if (result && !same_strides(*result, reading)) {
      return fail(ErrorCode::invalid_argument, "second operand " + b.to_string() + " fits " +
                                                   a.to_string() +
                                                   " in two ways; write the repeated axis as 1");
    }
    if (!result) result = reading;
  }
  if (result) return *result;
  return fail(ErrorCode::invalid_argument,
              "second operand " + b.to_string() + " does not fit " + a.to_string());
}

}  // namespace edgefusion::graph
