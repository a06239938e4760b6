#pragma once

// Streaming attention: which queries meet which keys when, the same for all kinds of arithmetic and
// all matrix units. Include it in files compiled for one instruction set; all is in an unnamed
// namespace, so that the linker gives this code to no other file.

#include <cstddef>
#include <cstdint>

#include "kernels/attention/attention_isa.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kTile = 64;  // queries
/// All keys are packed once and met by one tile of queries after the other, if they leave some room
/// in an L2 cache of 1 MiB. More keys are packed part by part, and each part is met by a group of
/// tiles, so that keys are packed seldom: a part and the state of a group then share the cache.
constexpr size_t kAllBytes = 704 * 1024;
constexpr size_t kPartBytes = 192 * 1024;
constexpr size_t kGroupBytes = 448 * 1024;
constexpr size_t kMaxTiles = 32;
constexpr size_t kMaxKeys = 16384;  // packed at once
constexpr size_t kLine = 64;        // bytes: a vector, a cache line, a row of an AMX tile

constexpr size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
constexpr size_t clamp(size_t x, size_t low, size_t high) {
  return x < low ? low : smaller(x, high);
}
constexpr size_t round_up(size_t x, size_t unit) { return (x + unit - 1) / unit * unit; }

struct Sizes {
  size_t head_size;
  size_t pairs;   ///< of columns of q and k; the last one may be half empty
  size_t groups;  ///< of four columns of q and k; the last one may be partly empty
  size_t value_size;
};

constexpr Sizes sizes_of(size_t head_size, size_t value_size) {
  return {head_size, (head_size + 1) / 2, (head_size + 3) / 4, value_size};
}

/// Hands out a call's scratch piece by piece; every piece is aligned to a line.
class Scratch {
 public:
  explicit Scratch(void* data)
      : next_((reinterpret_cast<uintptr_t>(data) + kLine - 1) & ~uintptr_t{kLine - 1}) {}
  template <class T>
  T* take(size_t count) {
    T* piece = reinterpret_cast<T*>(next_);
    next_ += round_up(count * sizeof(T), kLine);
    return piece;
  }

 private:
  uintptr_t next_;
};

/// The queries of a tile; what else a tile holds is the arithmetic's.
struct Queries {
  size_t row;   ///< number of the first one
  size_t rows;  ///< 1..kTile
  bool empty;   ///< have met no key yet
};

/// Which keys of a block a query sees: those below `count` whose number is at most its own, or any
/// number if not causal.
struct Sight {
  const int32_t* index;
  size_t count;
  int32_t row;  ///< of the tile's first query
  bool causal;

  /// True if a query of the tile may not see one of keys [key, key + keys).
  bool hides(size_t key, size_t keys) const {
    return key + keys > count || (causal && index[key + keys - 1] > row);
  }
};

template <class Block>
Sight sight_of(const Attention& a, const Block& block, const Queries& tile) {
  return {block.index, block.count, static_cast<int32_t>(tile.row), a.causal};
}

/// Attention of one head. Rows, one of which lives as long as a call, offers
///   kBlock              keys weighed at once
///   Session             lives while Rows is used
///   Tile                extends Queries
///   Block               made from {packed data, index, count, sizes}: some packed keys, their
///                       numbers in the caller's k
///   work_bytes, tile_bytes, block_bytes    of scratch, whole lines
///   Rows(attention, sizes, scratch)        takes work_bytes
///   take_tile           takes tile_bytes
///   pack                fills a block's data, given the number of visible keys before it
///   start, attend, finish    a tile meets the blocks one after the other
///   settle              afterwards no block is looked at any more
template <class Rows>
class Stream {
 public:
  static size_t scratch_floats(size_t head_size, size_t value_size) noexcept {
    const Sizes s = sizes_of(head_size, value_size);
    const size_t bytes = Rows::work_bytes(s) +
                         all_blocks(s) * (Rows::block_bytes(s) + Rows::kBlock * sizeof(int32_t)) +
                         group_tiles(s) * Rows::tile_bytes(s) + 2 * kLine;
    return bytes / sizeof(float);
  }

  static void run(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept {
    const typename Rows::Session session;
    Stream stream(attention, row1, Scratch(scratch));
    for (size_t row = row0; row < row1; row += stream.group_rows_) {
      stream.attend_group(row, smaller(row1, row + stream.group_rows_));
    }
  }

 private:
  using Tile = typename Rows::Tile;
  using Block = typename Rows::Block;

  static constexpr size_t group_tiles(const Sizes& s) {
    return clamp(kGroupBytes / Rows::tile_bytes(s), 1, kMaxTiles);
  }
  /// Blocks packed at once: if there are no more, and if there are.
  static constexpr size_t all_blocks(const Sizes& s) {
    return clamp(kAllBytes / Rows::block_bytes(s), 1, kMaxKeys / Rows::kBlock);
  }
  static constexpr size_t part_blocks(const Sizes& s) {
    return clamp(kPartBytes / Rows::block_bytes(s), 1, all_blocks(s));
  }

  /// For queries before row1.
  Stream(const Attention& attention, size_t row1, Scratch scratch)
      : a_(attention),
        sizes_(sizes_of(attention.head_size, attention.value_size)),
        end_(attention.causal ? smaller(attention.keys, row1) : attention.keys),
        rows_(attention, sizes_, scratch) {
    const bool all = end_ <= all_blocks(sizes_) * Rows::kBlock;
    room_ = (all ? all_blocks(sizes_) : part_blocks(sizes_)) * Rows::kBlock;
    group_rows_ = (all ? 1 : group_tiles(sizes_)) * kTile;
    index_ = scratch.take<int32_t>(room_);
    packed_ = scratch.take<unsigned char>(room_ / Rows::kBlock * Rows::block_bytes(sizes_));
    for (size_t i = 0; i < group_rows_ / kTile; ++i) tiles_[i] = rows_.take_tile(scratch);
  }

  Block block(size_t number) const {
    const size_t key = number * Rows::kBlock;
    return Block(packed_ + number * Rows::block_bytes(sizes_), index_ + key,
                 smaller(packed_count_ - key, Rows::kBlock), sizes_);
  }

  /// Packs visible keys from `begin` on until the room is full; returns the key after the last.
  size_t pack_keys(size_t begin) {
    if (begin == packed_begin_ && packed_end_ > begin) return packed_end_;  // they are there still
    seen_before_ = begin == 0 ? 0 : seen_before_ + packed_count_;
    size_t next = begin;
    for (packed_count_ = 0; next < end_ && packed_count_ < room_; ++next) {
      index_[packed_count_] = static_cast<int32_t>(next);
      packed_count_ += a_.key_mask == nullptr || a_.key_mask[next] != 0.0f;
    }
    for (size_t b = 0; b * Rows::kBlock < packed_count_; ++b) {
      rows_.pack(block(b), seen_before_ + b * Rows::kBlock);
    }
    packed_begin_ = begin;
    packed_end_ = next;
    return next;
  }

  /// Query rows [row0, row1), at most a group of tiles.
  void attend_group(size_t row0, size_t row1) {
    const size_t tiles = (row1 - row0 + kTile - 1) / kTile;
    for (size_t i = 0; i < tiles; ++i) {
      tiles_[i].row = row0 + i * kTile;
      tiles_[i].rows = smaller(row1 - tiles_[i].row, kTile);
      tiles_[i].empty = true;
      rows_.start(tiles_[i]);
    }
    for (size_t next = 0; next < end_;) {
      next = pack_keys(next);
      for (size_t i = 0; i < tiles; ++i) {
        for (size_t b = 0; b * Rows::kBlock < packed_count_; ++b) attend_block(block(b), tiles_[i]);
      }
      rows_.settle();  // the next keys are packed over these
    }
    for (size_t i = 0; i < tiles; ++i) rows_.finish(tiles_[i]);
  }

  void attend_block(const Block& block, Tile& tile) {
    if (a_.causal && static_cast<size_t>(block.index[0]) >= tile.row + tile.rows) return;
    rows_.attend(block, tile);
    tile.empty = false;
  }

  const Attention& a_;
  Sizes sizes_;
  size_t end_;  ///< keys beyond it are seen by no query
  Rows rows_;
  size_t room_;        ///< for packed keys
  size_t group_rows_;  ///< queries whose tiles meet the packed keys in turn
  int32_t* index_;
  unsigned char* packed_;
  size_t packed_begin_ = 0;  ///< the packed keys: those visible in [packed_begin_, packed_end_)
  size_t packed_end_ = 0;
  size_t packed_count_ = 0;
  size_t seen_before_ = 0;  ///< visible keys before packed_begin_
  Tile tiles_[kMaxTiles];
};

}  // namespace
}  // namespace edgefusion::kernels
