#pragma once

// Streaming attention on bf16 rows: what is the same for all matrix units. Include it in files
// compiled for one instruction set; all is in an unnamed namespace, so that the linker gives this
// code to no other file.
//
// Queries lie along the lanes of vectors, pairs of what is summed over lie side by side:
//   S[key, query]    = sum over pairs of columns of K[key, pair] . Qt[pair, query]
//   P[key, query]    = 2^(S - M), rounded to bf16; L[query] += P as rounded, so that the weights a
//                      query gives add up to exactly what it is divided by
//   Ot[column, query] += sum over pairs of keys of Vt[column, pair] . P[pair, query]
// No lane ever meets another one: a row's bits do not depend on the rows it shares a tile with.
//
// M need not be the largest score, only near it: bf16 is as precise at any size. It is the largest
// score of the first kFirstKeys keys, until the weights of a block of keys add up to more than
// kGrowth: then the block is weighed again with M = its largest score. So exponentials are taken
// of scores that are still in registers, and sums are rescaled almost never.

#include <cstddef>
#include <cstdint>

#include "kernels/attention/attention_isa.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kTile = 64;  // queries
constexpr size_t kFirstKeys = 4;
constexpr float kGrowth = 16777216.0f;  // 2^24: leaves 2^104 for values before sums overflow
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

/// What the tile of queries in hand needs besides its state; shared by all tiles.
struct Work {
  uint16_t* weights;  ///< P [Matrix::kBlock / 2, kTile, 2]
  float* sums;        ///< of a block's P [kTile]
  float* raised;      ///< a new M [kTile]
  float* factors;     ///< for the sums of each query [kTile]
  float* scores;      ///< Matrix::kScoreFloats, as Matrix likes
};

/// The running state of a tile of queries.
struct Tile {
  uint16_t* q;     ///< Q times scale * log2(e), rounded again: Matrix::pairs_of_q * 2 * kTile
  float* out;      ///< sums of P . V: Matrix::columns_of_out * kTile
  float* largest;  ///< M [kTile]
  float* total;    ///< L [kTile]
  size_t row;      ///< number of its first query
  size_t rows;     ///< 1..kTile
  bool empty;      ///< has met no key yet
};

/// Keys packed as the matrix unit wants them, zeros beyond `count`.
struct Block {
  uint16_t* k;           ///< Matrix::key_elements for each of Matrix::kBlock keys
  uint16_t* v;           ///< Matrix::value_elements for each of Matrix::kBlock keys
  const int32_t* index;  ///< [count] their numbers in the caller's k
  size_t count;          ///< 1..Matrix::kBlock
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

inline Sight sight_of(const Attention& a, const Block& block, const Tile& tile) {
  return {block.index, block.count, static_cast<int32_t>(tile.row), a.causal};
}

/// A product of P and V that is still to be added to a tile's `out`.
struct Values {
  Block block;
  uint16_t* weights;  ///< null: nothing to do
  float* out;
  size_t rows;  ///< of queries
  bool first;   ///< `out` holds nothing yet
};

struct Sizes {
  size_t head_size;
  size_t pairs;  ///< of columns of q and k; the last one may be half empty
  size_t value_size;
};

constexpr Sizes sizes_of(size_t head_size, size_t value_size) {
  return {head_size, (head_size + 1) / 2, value_size};
}

template <class Matrix>
constexpr size_t tile_bytes(const Sizes& s) {
  return kTile * (Matrix::pairs_of_q(s) * 2 * sizeof(uint16_t) +
                  (Matrix::columns_of_out(s) + 2) * sizeof(float));
}
template <class Matrix>
constexpr size_t group_tiles(const Sizes& s) {
  return clamp(kGroupBytes / tile_bytes<Matrix>(s), 1, kMaxTiles);
}
template <class Matrix>
constexpr size_t block_bytes(const Sizes& s) {
  return Matrix::kBlock * (Matrix::key_elements(s) + Matrix::value_elements(s)) * sizeof(uint16_t);
}
/// Blocks packed at once: if there are no more, and if there are.
template <class Matrix>
constexpr size_t all_blocks(const Sizes& s) {
  return clamp(kAllBytes / block_bytes<Matrix>(s), 1, kMaxKeys / Matrix::kBlock);
}
template <class Matrix>
constexpr size_t part_blocks(const Sizes& s) {
  return clamp(kPartBytes / block_bytes<Matrix>(s), 1, all_blocks<Matrix>(s));
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

/// Attention of one head with one matrix unit. Matrix offers
///   kBlock              keys weighed at once
///   kDefersValues       a block's values are added while the next block is weighed
///   kScoreFloats        of work.scores, for its own use
///   pairs_of_q, columns_of_out      the size of a tile's state
///   key_elements, value_elements    packed bf16 of a key, of its value; a block has whole lines
///   pack                fills k and v of a block from its index and count
///   load_queries        fills q of a tile, zeros where there is no query or column
///   weigh               P and its sums; M first, if the tile is empty; if kDefersValues, does what
///                       add_values does on the way and clears values.weights
///   add_values          adds P . V to `out`
///   find_largest        work.raised = the largest of M and all scores of a block
///   exponentials, scale_sums, store_rows    for all queries of a tile
///   Session             lives while these are called
template <class Matrix>
class Stream {
 public:
  static size_t scratch_floats(size_t head_size, size_t value_size) noexcept {
    const Sizes s = sizes_of(head_size, value_size);
    const size_t bytes =
        2 * Matrix::kBlock * kTile * sizeof(uint16_t) + 3 * kTile * sizeof(float) +
        Matrix::kScoreFloats * sizeof(float) +
        all_blocks<Matrix>(s) * (block_bytes<Matrix>(s) + Matrix::kBlock * sizeof(int32_t)) +
        group_tiles<Matrix>(s) * tile_bytes<Matrix>(s) + kLine;
    return bytes / sizeof(float);
  }

  static void run(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept {
    const typename Matrix::Session session;
    Stream stream(attention, row1, scratch);
    for (size_t row = row0; row < row1; row += stream.group_rows_) {
      stream.attend_group(row, smaller(row1, row + stream.group_rows_));
    }
  }

 private:
  /// For queries before row1.
  Stream(const Attention& attention, size_t row1, float* data)
      : a_(attention),
        sizes_(sizes_of(attention.head_size, attention.value_size)),
        end_(attention.causal ? smaller(attention.keys, row1) : attention.keys) {
    const bool all = end_ <= all_blocks<Matrix>(sizes_) * Matrix::kBlock;
    room_ = (all ? all_blocks<Matrix>(sizes_) : part_blocks<Matrix>(sizes_)) * Matrix::kBlock;
    group_rows_ = (all ? 1 : group_tiles<Matrix>(sizes_)) * kTile;
    take_scratch(data);
  }

  void take_scratch(float* data) {
    Scratch scratch(data);
    for (uint16_t*& weights : weights_) weights = scratch.take<uint16_t>(Matrix::kBlock * kTile);
    work_.sums = scratch.take<float>(kTile);
    work_.raised = scratch.take<float>(kTile);
    work_.factors = scratch.take<float>(kTile);
    work_.scores = scratch.take<float>(Matrix::kScoreFloats);
    index_ = scratch.take<int32_t>(room_);
    k_ = scratch.take<uint16_t>(room_ * Matrix::key_elements(sizes_));
    v_ = scratch.take<uint16_t>(room_ * Matrix::value_elements(sizes_));
    for (size_t i = 0; i < group_rows_ / kTile; ++i) {
      tiles_[i].q = scratch.take<uint16_t>(Matrix::pairs_of_q(sizes_) * 2 * kTile);
      tiles_[i].out = scratch.take<float>(Matrix::columns_of_out(sizes_) * kTile);
      tiles_[i].largest = scratch.take<float>(kTile);
      tiles_[i].total = scratch.take<float>(kTile);
    }
    values_.weights = nullptr;
  }

  Block block(size_t number) const {
    const size_t key = number * Matrix::kBlock;
    return {k_ + key * Matrix::key_elements(sizes_), v_ + key * Matrix::value_elements(sizes_),
            index_ + key, smaller(packed_count_ - key, Matrix::kBlock)};
  }

  /// Packs visible keys from `begin` on until the room is full; returns the key after the last.
  size_t pack_keys(size_t begin) {
    if (begin == packed_begin_ && packed_end_ > begin) return packed_end_;  // they are there still
    size_t next = begin;
    for (packed_count_ = 0; next < end_ && packed_count_ < room_; ++next) {
      index_[packed_count_] = static_cast<int32_t>(next);
      packed_count_ += a_.key_mask == nullptr || a_.key_mask[next] != 0.0f;
    }
    for (size_t b = 0; b * Matrix::kBlock < packed_count_; ++b) {
      Matrix::pack(a_, sizes_, block(b));
    }
    packed_begin_ = begin;
    packed_end_ = next;
    return next;
  }

  void start_tile(size_t row, size_t rows, Tile& tile) const {
    constexpr float kLog2E = 1.44269504f;
    tile.row = row;
    tile.rows = rows;
    tile.empty = true;
    Matrix::load_queries(a_, Matrix::pairs_of_q(sizes_), a_.scale * kLog2E, tile);
    for (size_t i = 0; i < kTile; ++i) {
      tile.total[i] = 0.0f;
      // Finite, so that scores of -inf give weights of 2^-inf = 0 and not of inf - inf.
      tile.largest[i] = -3.4e38f;
    }
  }

  /// Divides by the sums; rows without any key are zeros.
  void finish_tile(const Tile& tile) const {
    const size_t floats = Matrix::columns_of_out(sizes_) * kTile;
    for (size_t i = 0; tile.empty && i < floats; ++i) tile.out[i] = 0.0f;
    for (size_t i = 0; i < kTile; ++i) {
      work_.factors[i] = 1.0f / (tile.total[i] == 0.0f ? 1.0f : tile.total[i]);
    }
    Matrix::store_rows(a_, tile, work_.factors);
  }

  /// Not "greater": NaN, too, is weighed again, to no effect.
  static bool too_large(float sum) { return !(sum <= kGrowth); }

  bool any_too_large() const {
    int any = 0;
    for (size_t i = 0; i < kTile; ++i) any |= too_large(work_.sums[i]);
    return any != 0;
  }

  /// Makes M the largest score where P grew too large, and brings the sums to it.
  void raise(const Block& block, const Tile& tile) const {
    Matrix::find_largest(a_, sizes_, block, tile, work_);
    Matrix::exponentials(tile.largest, work_.raised, work_.factors);
    for (size_t i = 0; i < kTile; ++i) {
      const bool raised = too_large(work_.sums[i]);
      work_.factors[i] = raised ? work_.factors[i] : 1.0f;
      tile.largest[i] = raised ? work_.raised[i] : tile.largest[i];
      tile.total[i] *= work_.factors[i];
    }
    if (!tile.empty) Matrix::scale_sums(sizes_, tile, work_.factors);
  }

  void add_values() {
    if (values_.weights != nullptr) Matrix::add_values(sizes_, values_);
    values_.weights = nullptr;
  }

  void attend_block(const Block& block, Tile& tile) {
    if (a_.causal && static_cast<size_t>(block.index[0]) >= tile.row + tile.rows) return;
    work_.weights = weights_[values_.weights == weights_[0]];
    Matrix::weigh(a_, sizes_, block, tile, work_, values_);
    add_values();
    if (any_too_large()) {
      raise(block, tile);
      Matrix::weigh(a_, sizes_, block, tile, work_, values_);
    }
    for (size_t i = 0; i < kTile; ++i) tile.total[i] += work_.sums[i];
    values_ = {block, work_.weights, tile.out, tile.rows, tile.empty};
    tile.empty = false;
    if constexpr (!Matrix::kDefersValues) add_values();
  }

  /// Query rows [row0, row1), at most a group of tiles.
  void attend_group(size_t row0, size_t row1) {
    const size_t tiles = (row1 - row0 + kTile - 1) / kTile;
    for (size_t i = 0; i < tiles; ++i) {
      const size_t row = row0 + i * kTile;
      start_tile(row, smaller(row1 - row, kTile), tiles_[i]);
    }
    for (size_t next = 0; next < end_;) {
      next = pack_keys(next);
      for (size_t i = 0; i < tiles; ++i) {
        for (size_t b = 0; b * Matrix::kBlock < packed_count_; ++b) {
          attend_block(block(b), tiles_[i]);
        }
      }
      add_values();  // the next keys are packed over these
    }
    for (size_t i = 0; i < tiles; ++i) finish_tile(tiles_[i]);
  }

  const Attention& a_;
  Sizes sizes_;
  size_t end_;         ///< keys beyond it are seen by no query
  size_t room_;        ///< for packed keys
  size_t group_rows_;  ///< queries whose tiles meet the packed keys in turn
  Work work_;
  uint16_t* weights_[2];  ///< P of the block in hand, and of `values_`
  Values values_;
  int32_t* index_;
  uint16_t* k_;
  uint16_t* v_;
  size_t packed_begin_ = 0;  ///< the packed keys: those visible in [packed_begin_, packed_end_)
  size_t packed_end_ = 0;
  size_t packed_count_ = 0;
  Tile tiles_[kMaxTiles];
};

}  // namespace
}  // namespace edgefusion::kernels
