#pragma once

#include <cstdint>

#include "core/result.h"
#include "core/shape.h"

namespace edgefusion::graph {

/// How the second operand of add and mul meets the first. With a [N,M,C], M standing for all
/// middle axes (1 for rank 2; N and M are 1 for rank 1), these shapes of b are allowed:
enum class BroadcastKind : uint8_t {
  same,          ///< b like a
  per_channel,   ///< [C]: one vector for all rows
  per_item,      ///< [N,1,..,1,C], or [N,C]: one vector for each item of the batch
  per_row,       ///< a's shape with 1 as last extent, or without it: one factor for each token
  per_position,  ///< a's shape with 1 as first extent, or without it: the same for every item
};

/// Element (n,m,c) of a meets element n*item + m*row + c*channel of b. A stride is 0 where the
/// extent of a is 1.
struct Broadcast {
  BroadcastKind kind = BroadcastKind::same;
  int64_t item = 0, row = 0, channel = 0;
};

/// The extents N, M, C a shape stands for in the rule above.
struct RowExtents {
  int64_t items = 1, rows = 1, channels = 1;
};
RowExtents row_extents(const Shape& shape);

/// The rule above. A short form (without its 1) is taken only if no other reading of b's shape
/// gives other results: [T,C] beside [N,T,C] with N == T is refused, [1,T,C] is not. Networks write
/// the long forms where extents may coincide. Errors: no reading, several readings.
Result<Broadcast> broadcast_of(const Shape& a, const Shape& b);

}  // namespace edgefusion::graph
