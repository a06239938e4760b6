#pragma once

// Streaming attention on bf16 rows: what the matrix units of x86 share. Include it where
// attention_bf16_math-inl.h may be included.
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

#include "kernels/attention/attention_bf16_math-inl.h"
#include "kernels/attention/attention_isa.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kTile = 64;  // queries
constexpr size_t kVectors = kTile / kLanes;
constexpr size_t kFirstKeys = 4;
constexpr float kGrowth = 16777216.0f;  // 2^24: leaves 2^104 for values before sums overflow
/// Keys packed at once, and the states of the tiles that meet them before the next keys: together
/// they fit the L2 cache.
constexpr size_t kPackedBytes = 192 * 1024;
constexpr size_t kStateBytes = 448 * 1024;
constexpr size_t kMaxPackedKeys = 2048;
constexpr size_t kMaxTiles = 32;
constexpr size_t kLine = 64;  // bytes: a vector, a cache line, a row of an AMX tile

/// What the tile of queries in hand needs besides its state; shared by all tiles.
struct Work {
  uint16_t* weights;  ///< P [Matrix::kBlock / 2, kTile, 2]
  float* sums;        ///< of a block's P [kTile]
  float* raised;      ///< a new M [kTile]
  float* scores;      ///< Matrix::kScoreFloats, as Matrix likes
};

/// The running state of a tile of queries.
struct Tile {
  uint16_t* q;     ///< Qt [Matrix::rows_of_q, kTile, 2], times scale * log2(e), rounded again
  float* out;      ///< Ot [Matrix::rows_of_out, kTile]
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
  return kTile * (Matrix::rows_of_q(s) * 2 * sizeof(uint16_t) +
                  (Matrix::rows_of_out(s) + 2) * sizeof(float));
}
template <class Matrix>
constexpr size_t group_tiles(const Sizes& s) {
  return clamp(kStateBytes / tile_bytes<Matrix>(s), 1, kMaxTiles);
}
template <class Matrix>
constexpr size_t block_bytes(const Sizes& s) {
  return Matrix::kBlock * (Matrix::key_elements(s) + Matrix::value_elements(s)) * sizeof(uint16_t);
}
template <class Matrix>
constexpr size_t packed_blocks(const Sizes& s) {
  return clamp(kPackedBytes / block_bytes<Matrix>(s), 1, kMaxPackedKeys / Matrix::kBlock);
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
///   kBlock                              keys weighed at once
///   kDefersValues                       a block's values are added while the next is weighed
///   rows_of_q, rows_of_out              of the state of a tile: pairs and value_size, or more
///   key_elements, value_elements        packed bf16 of a key, of its value; whole lines for a
///   block pack(attention, sizes, block)       fills k and v of a block from its index and count
///   weigh(attention, sizes, block, tile, work, values)
///                                       P and its sums; M first, if the tile is empty; if
///                                       kDefersValues, adds `values` and clears their weights
///   find_largest(attention, sizes, block, tile, work)
///                                       work.raised = the largest of M and the block's scores
///   add_values(sizes, values)           what `values` says
///   Session                             lives while these are called
template <class Matrix>
class Stream {
 public:
  static size_t scratch_floats(size_t head_size, size_t value_size) noexcept {
    const Sizes s = sizes_of(head_size, value_size);
    const size_t bytes =
        2 * Matrix::kBlock * kTile * sizeof(uint16_t) + 2 * kTile * sizeof(float) +
        Matrix::kScoreFloats * sizeof(float) +
        packed_blocks<Matrix>(s) * (block_bytes<Matrix>(s) + Matrix::kBlock * sizeof(int32_t)) +
        group_tiles<Matrix>(s) * tile_bytes<Matrix>(s) + kLine;
    return bytes / sizeof(float);
  }

  static void run(const Attention& attention, size_t row0, size_t row1, float* scratch) noexcept {
    const typename Matrix::Session session;
    Stream stream(attention, scratch);
    const size_t rows = group_tiles<Matrix>(stream.sizes_) * kTile;
    for (size_t row = row0; row < row1; row += rows) {
      stream.attend_group(row, smaller(row1, row + rows));
    }
  }

 private:
  Stream(const Attention& attention, float* data)
      : a_(attention), sizes_(sizes_of(attention.head_size, attention.value_size)) {
    Scratch scratch(data);
    for (uint16_t*& weights : weights_) weights = scratch.take<uint16_t>(Matrix::kBlock * kTile);
    work_.sums = scratch.take<float>(kTile);
    work_.raised = scratch.take<float>(kTile);
    work_.scores = scratch.take<float>(Matrix::kScoreFloats);
    const size_t keys = packed_blocks<Matrix>(sizes_) * Matrix::kBlock;
    index_ = scratch.take<int32_t>(keys);
    k_ = scratch.take<uint16_t>(keys * Matrix::key_elements(sizes_));
    v_ = scratch.take<uint16_t>(keys * Matrix::value_elements(sizes_));
    for (size_t i = 0; i < group_tiles<Matrix>(sizes_); ++i) {
      tiles_[i].q = scratch.take<uint16_t>(Matrix::rows_of_q(sizes_) * 2 * kTile);
      tiles_[i].out = scratch.take<float>(Matrix::rows_of_out(sizes_) * kTile);
      tiles_[i].largest = scratch.take<float>(kTile);
      tiles_[i].total = scratch.take<float>(kTile);
    }
    values_.weights = nullptr;
  }

  Block block(size_t number, size_t keys) const {
    const size_t key = number * Matrix::kBlock;
    return {k_ + key * Matrix::key_elements(sizes_), v_ + key * Matrix::value_elements(sizes_),
            index_ + key, smaller(keys - key, Matrix::kBlock)};
  }

  /// Packs visible keys of [next, end) until the room is full; returns the key after the last.
  size_t pack_keys(size_t next, size_t end, size_t& count) {
    const size_t room = packed_blocks<Matrix>(sizes_) * Matrix::kBlock;
    for (count = 0; next < end && count < room; ++next) {
      index_[count] = static_cast<int32_t>(next);
      count += a_.key_mask == nullptr || a_.key_mask[next] != 0.0f;
    }
    for (size_t b = 0; b * Matrix::kBlock < count; ++b) Matrix::pack(a_, sizes_, block(b, count));
    return next;
  }

  void start_tile(size_t row, size_t rows, Tile& tile) const {
    constexpr float kLog2E = 1.44269504f;
    const auto* q = static_cast<const uint16_t*>(a_.q);
    tile.row = row;
    tile.rows = rows;
    for (size_t r = 0; r < kTile; r += kLanes) {
      load_transposed(q + (row + r) * a_.ldq, a_.ldq, r < rows ? smaller(rows - r, kLanes) : 0,
                      a_.head_size, a_.scale * kLog2E, tile.q + 2 * r, 2 * kTile);
    }
    for (size_t i = sizes_.pairs * 2 * kTile; i < Matrix::rows_of_q(sizes_) * 2 * kTile; ++i) {
      tile.q[i] = 0;
    }
    tile.empty = true;
    for (size_t i = 0; i < kTile; ++i) {
      tile.total[i] = 0.0f;
      // Finite, so that scores of -inf give weights of 2^-inf = 0 and not of inf - inf.
      tile.largest[i] = -3.4e38f;
    }
  }

  /// Divides by the sums; rows without any key are zeros.
  void finish_tile(const Tile& tile) const {
    for (size_t i = 0; tile.empty && i < sizes_.value_size * kTile; ++i) tile.out[i] = 0.0f;
    auto* out = static_cast<uint16_t*>(a_.out);
    for (size_t r = 0; r < tile.rows; r += kLanes) {
      const __m512 total = _mm512_load_ps(tile.total + r);
      const __m512 one = _mm512_set1_ps(1.0f);
      const __mmask16 empty = _mm512_cmp_ps_mask(total, _mm512_setzero_ps(), _CMP_EQ_OQ);
      const __m512 share = _mm512_div_ps(one, _mm512_mask_mov_ps(total, empty, one));
      store_transposed(tile.out + r, kTile, share, smaller(tile.rows - r, kLanes),
                       sizes_.value_size, out + (tile.row + r) * a_.ldo, a_.ldo);
    }
  }

  /// Makes M the largest score where P grew too large, and brings the sums to it.
  void raise(const Block& block, const Tile& tile) const {
    Matrix::find_largest(a_, sizes_, block, tile, work_);
    for (size_t i = 0; i < kTile; i += kLanes) {
      const __m512 sums = _mm512_load_ps(work_.sums + i);
      // Not "greater": NaN, too, is weighed again, to no effect.
      const __mmask16 grown = _mm512_cmp_ps_mask(sums, _mm512_set1_ps(kGrowth), _CMP_NLE_UQ);
      const __m512 old = _mm512_load_ps(tile.largest + i);
      const __m512 largest = _mm512_mask_mov_ps(old, grown, _mm512_load_ps(work_.raised + i));
      const __m512 fade = _mm512_mask_mov_ps(_mm512_set1_ps(1.0f), grown,
                                             exp2_for_sums(_mm512_sub_ps(old, largest)));
      _mm512_store_ps(tile.largest + i, largest);
      _mm512_store_ps(tile.total + i, _mm512_mul_ps(_mm512_load_ps(tile.total + i), fade));
      for (size_t c = 0; !tile.empty && c < sizes_.value_size; ++c) {
        float* out = tile.out + c * kTile + i;
        _mm512_store_ps(out, _mm512_mul_ps(_mm512_load_ps(out), fade));
      }
    }
  }

  bool grown() const {
    __mmask16 any = 0;
    for (size_t i = 0; i < kTile; i += kLanes) {
      any |=
          _mm512_cmp_ps_mask(_mm512_load_ps(work_.sums + i), _mm512_set1_ps(kGrowth), _CMP_NLE_UQ);
    }
    return any != 0;
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
    if (grown()) {
      raise(block, tile);
      Matrix::weigh(a_, sizes_, block, tile, work_, values_);
    }
    for (size_t i = 0; i < kTile; i += kLanes) {
      const __m512 total = _mm512_load_ps(tile.total + i);
      _mm512_store_ps(tile.total + i, _mm512_add_ps(total, _mm512_load_ps(work_.sums + i)));
    }
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
    const size_t end = a_.causal ? smaller(a_.keys, row1) : a_.keys;
    for (size_t next = 0; next < end;) {
      size_t count = 0;
      next = pack_keys(next, end, count);
      for (size_t i = 0; i < tiles; ++i) {
        for (size_t b = 0; b * Matrix::kBlock < count; ++b) {
          attend_block(block(b, count), tiles_[i]);
        }
      }
      add_values();  // the next keys are packed over these
    }
    for (size_t i = 0; i < tiles; ++i) finish_tile(tiles_[i]);
  }

  const Attention& a_;
  Sizes sizes_;
  Work work_;
  uint16_t* weights_[2];  ///< P of the block in hand, and of `values_`
  Values values_;
  int32_t* index_;
  uint16_t* k_;
  uint16_t* v_;
  Tile tiles_[kMaxTiles];
};

}  // namespace
}  // namespace edgefusion::kernels
