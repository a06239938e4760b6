#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "npu/work.h"

namespace edgefusion::npu {

/// How a group of ops runs, tile by tile.
struct Tiling {
  /// Of the group's last result that has places: the tile, in places. Tiles of earlier results are
  /// what these need.
  int64_t items = 1, lines = 1, columns = 1;
  /// Weights, keys and values that are not held come in parts of at most so many bytes (at least
  /// one output channel, or `heads` heads).
  int64_t part_bytes = 0;
  /// Heads of an attention at a time.
  int64_t heads = 1;
  /// Keys at a time; 0: whole rows of scores. online: the softmax goes along block by block, else
  /// the rows are made block by block.
  int64_t key_block = 0;
  bool online = false;
  /// Parts of the result (output channels, heads) outside, tiles inside: weights are read once,
  /// tiles once a part. For groups of one op or one attention.
  bool parts_outer = false;
  bool double_buffered = true;
  /// Ops (of the group) whose weights, or keys and values, stay on the chip for all tiles.
  std::vector<OpId> held;
  bool operator==(const Tiling&) const = default;
};

/// Ops [first, end) that run together.
struct Group {
  OpId first = 0, end = 0;
  Tiling tiling;
};

/// A tensor that stays on the chip, whole, from the group that makes it to `last_group`. It is
/// stored too if somebody later needs it.
struct Residence {
  TensorId tensor = kNoTensor;
  int first_group = 0, last_group = 0;
  int64_t offset = 0;
};

struct Plan {
  std::vector<Group> groups;
  std::vector<Residence> residences;
};

}  // namespace edgefusion::npu
