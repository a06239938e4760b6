#pragma once

// Attention on bf16 rows: what is the same for all matrix units. Include it in files compiled for
// one instruction set; all is in an unnamed namespace, so that the linker gives this code to no
// other file.
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

#include "kernels/attention/attention_stream-inl.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kFirstKeys = 4;
constexpr float kGrowth = 16777216.0f;  // 2^24: leaves 2^104 for values before sums overflow

/// What the tile of queries in hand needs besides its state; shared by all tiles.
struct Work {
  uint16_t* weights;  ///< P [Matrix::kBlock / 2, kTile, 2]
  float* sums;        ///< of a block's P [kTile]
  float* raised;      ///< a new M [kTile]
  float* factors;     ///< for the sums of each query [kTile]
  float* scores;      ///< Matrix::kScoreFloats, as Matrix likes
};

/// The running state of a tile of queries.
struct Tile : Queries {
  uint16_t* q;     ///< Q times scale * log2(e), rounded again: Matrix::pairs_of_q * 2 * kTile
  float* out;      ///< sums of P . V: Matrix::columns_of_out * kTile
  float* largest;  ///< M [kTile]
  float* total;    ///< L [kTile]
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

/// The Rows of a Stream with one matrix unit. Matrix offers
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
class Bf16Rows {
 public:
  static constexpr size_t kBlock = Matrix::kBlock;
  using Session = typename Matrix::Session;
  using Tile = kernels::Tile;

  struct Block : kernels::Block {
    Block(unsigned char* data, const int32_t* index_, size_t count_, const Sizes& s) {
      k = reinterpret_cast<uint16_t*>(data);
      v = k + kBlock * Matrix::key_elements(s);
      index = index_;
      count = count_;
    }
  };

  static constexpr size_t work_bytes(const Sizes&) {
    return 2 * kBlock * kTile * sizeof(uint16_t) + 3 * kTile * sizeof(float) +
           Matrix::kScoreFloats * sizeof(float);
  }
  static constexpr size_t tile_bytes(const Sizes& s) {
    return kTile * (Matrix::pairs_of_q(s) * 2 * sizeof(uint16_t) +
                    (Matrix::columns_of_out(s) + 2) * sizeof(float));
  }
  static constexpr size_t block_bytes(const Sizes& s) {
    return kBlock * (Matrix::key_elements(s) + Matrix::value_elements(s)) * sizeof(uint16_t);
  }

  Bf16Rows(const Attention& attention, const Sizes& sizes, Scratch& scratch)
      : a_(attention), sizes_(sizes) {
    for (uint16_t*& weights : weights_) weights = scratch.take<uint16_t>(kBlock * kTile);
    work_.sums = scratch.take<float>(kTile);
    work_.raised = scratch.take<float>(kTile);
    work_.factors = scratch.take<float>(kTile);
    work_.scores = scratch.take<float>(Matrix::kScoreFloats);
    values_.weights = nullptr;
  }

  Tile take_tile(Scratch& scratch) const {
    Tile tile = {};
    tile.q = scratch.take<uint16_t>(Matrix::pairs_of_q(sizes_) * 2 * kTile);
    tile.out = scratch.take<float>(Matrix::columns_of_out(sizes_) * kTile);
    tile.largest = scratch.take<float>(kTile);
    tile.total = scratch.take<float>(kTile);
    return tile;
  }

  void pack(const Block& block, size_t) const { Matrix::pack(a_, sizes_, block); }

  void start(Tile& tile) const {
    constexpr float kLog2E = 1.44269504f;
    Matrix::load_queries(a_, Matrix::pairs_of_q(sizes_), a_.scale * kLog2E, tile);
    for (size_t i = 0; i < kTile; ++i) {
      tile.total[i] = 0.0f;
      // Finite, so that scores of -inf give weights of 2^-inf = 0 and not of inf - inf.
      tile.largest[i] = -3.4e38f;
    }
  }

  void attend(const Block& block, Tile& tile) {
    work_.weights = weights_[values_.weights == weights_[0]];
    Matrix::weigh(a_, sizes_, block, tile, work_, values_);
    settle();
    if (any_too_large()) {
      raise(block, tile);
      Matrix::weigh(a_, sizes_, block, tile, work_, values_);
    }
    for (size_t i = 0; i < kTile; ++i) tile.total[i] += work_.sums[i];
    values_ = {block, work_.weights, tile.out, tile.rows, tile.empty};
    if constexpr (!Matrix::kDefersValues) settle();
  }

  void settle() {
    if (values_.weights != nullptr) Matrix::add_values(sizes_, values_);
    values_.weights = nullptr;
  }

  /// Divides by the sums; rows without any key are zeros.
  void finish(const Tile& tile) const {
    const size_t floats = Matrix::columns_of_out(sizes_) * kTile;
    for (size_t i = 0; tile.empty && i < floats; ++i) tile.out[i] = 0.0f;
    for (size_t i = 0; i < kTile; ++i) {
      work_.factors[i] = 1.0f / (tile.total[i] == 0.0f ? 1.0f : tile.total[i]);
    }
    Matrix::store_rows(a_, tile, work_.factors);
  }

 private:
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

  const Attention& a_;
  Sizes sizes_;
  Work work_;
  uint16_t* weights_[2];  ///< P of the block in hand, and of `values_`
  Values values_;
};

}  // namespace
}  // namespace edgefusion::kernels
