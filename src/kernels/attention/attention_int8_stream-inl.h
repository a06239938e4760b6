#pragma once

// Attention on 8-bit numbers (attention_int8_formula-inl.h): what is the same for all instruction
// sets. Include it in files compiled for one of them; all is in an unnamed namespace, so that the
// linker gives this code to no other file. Loops are plain where they are not hot.
//
// Queries lie along the lanes of vectors, groups of four of what is summed over lie side by side:
//   Q8 [groups of columns, kTile, 4], P8 [groups of keys, kTile, 4]
//   K8 [kBlockKeys / 4, groups of columns, 4 keys, 4], V8 [columns / 4, kBlockKeys / 4, 4 columns,
//   4 keys]: both are read from front to back, a group of them is broadcast.
// No lane ever meets another one: a row's bits do not depend on the rows it shares a tile with.

#include "kernels/attention/attention_int8_loops-inl.h"
#include "kernels/attention/attention_stream-inl.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kKeyGroups = kBlockKeys / kGroup;
constexpr size_t kGroupLine = kTile * kGroup;  // bytes of a group of Q8 or P8

/// The running state of a tile of queries.
struct Tile8 : Queries {
  uint8_t* q;           ///< Q8 + Unit::kQueryOffset
  float* query_scales;  ///< [kTile]
  float* reference;     ///< m [kTile]
  float* total;         ///< sum of weights [kTile]
  float* out;           ///< sums of weights times V8 [value_size, kTile]
};

/// Keys packed for Unit; zeros beyond `count`.
template <class Unit>
struct Block8 {
  using Element = typename Unit::Element;
  Element* k;
  Element* v;
  float* key_scales;      ///< [kBlockKeys]
  int32_t* key_starts;    ///< what Q8 . K8 starts from: -kQueryOffset times the key's sum
  int32_t* value_starts;  ///< [columns], as key_starts: kWeightOffset times the column's sum
  uint16_t* thresholds;   ///< [kKeyGroups, 2, 8]: of two keys, four times each
  const int32_t* index;
  size_t count;  ///< 1..kBlockKeys

  Block8() = default;

  static constexpr size_t key_elements(const Sizes& s) { return s.groups * kGroup; }
  static constexpr size_t value_elements(const Sizes& s) { return round_up(s.value_size, kGroup); }
  static constexpr size_t bytes(const Sizes& s) {
    return round_up(kBlockKeys * key_elements(s) * sizeof(Element), kLine) +
           round_up(kBlockKeys * value_elements(s) * sizeof(Element), kLine) +
           2 * kBlockKeys * sizeof(float) + kKeyGroups * 16 * sizeof(uint16_t) +
           round_up(value_elements(s) * sizeof(int32_t), kLine);
  }

  Block8(unsigned char* data, const int32_t* index_, size_t count_, const Sizes& s)
      : index(index_), count(count_) {
    Scratch scratch(data);
    k = scratch.take<Element>(kBlockKeys * key_elements(s));
    v = scratch.take<Element>(kBlockKeys * value_elements(s));
    key_scales = scratch.take<float>(kBlockKeys);
    key_starts = scratch.take<int32_t>(kBlockKeys);
    thresholds = scratch.take<uint16_t>(kKeyGroups * 16);
    value_starts = scratch.take<int32_t>(value_elements(s));
  }
};

/// How far a block's keys are from a tile's queries.
struct Distances {
  int16_t* z;          ///< [kKeyGroups, kTile / kLanes, 2 pairs of keys, a vector]: Unit::Words
  int16_t* nearest;    ///< min z [kTile / kLanes, a vector], twice each
  int32_t* nearest32;  ///< the same [kTile]
};

/// What the tile of queries in hand needs besides its state; shared by all tiles.
struct Work8 {
  uint8_t* weights;  ///< P8 + Unit's offset
  int32_t* sums;     ///< of a block's P8 [kTile]
  float* factors;    ///< of a block's sums [kTile]
  float* raised;     ///< [kTile]
  float* scores;     ///< Unit::kScoreFloats
};

/// A block whose weights and values are still to be added to a tile, which needs its `distances`
/// alone: while the next block's scores are multiplied, other parts of the vector unit are free.
template <class Unit>
struct Pending {
  bool any;
  Block8<Unit> block;
  Tile8 tile;
  Distances distances;
};

/// Rows of a Stream. Unit, of one instruction set, offers
///   Element              of packed K8 and V8
///   kQueryOffset, kWeightOffset    added to Q8 and P8, so that the products like them
///   kScoreFloats         of work.scores
///   Session              lives while these are called
///   groups_of_q, columns_of_out    the size of a tile's state
///   store_keys           K8 [groups, kBlockKeys, 4] -> a block's k
///   store_values         V8 of four keys, a word for each column -> a block's v
///   transpose_in         rows of bf16 (null: zeros) -> words of two columns [pairs, kTile]
///   transpose_out        words [bytes / 4, kTile] -> rows of so many bytes
///   measure              distances of a block; on the way, what soften does for a pending one,
///                        if there is any
///   score_four           scores of keys [key, key + 4): work.scores [4, kTile]
///   soften               P8 and its sums from z
///   add_values           adds factors times P8 . V8 to `out`
template <class Unit>
class Int8Rows {
 public:
  static constexpr size_t kBlock = kBlockKeys;
  using Session = typename Unit::Session;
  using Tile = Tile8;
  using Block = Block8<Unit>;
  using Element = typename Unit::Element;

  static constexpr size_t row_elements(const Sizes& s) {
    return round_up(s.head_size > s.value_size ? s.head_size : s.value_size, kLine);
  }
  static constexpr size_t work_bytes(const Sizes& s) {
    return 5 * kBlock * kTile + 4 * kTile * sizeof(int16_t) + 5 * kTile * sizeof(float) +
           Unit::kScoreFloats * sizeof(float) + 5 * row_elements(s) * sizeof(float) +
           3 * kTile * row_elements(s) + kTile * sizeof(int32_t);
  }
  static constexpr size_t tile_bytes(const Sizes& s) {
    return kTile * (Unit::groups_of_q(s) * kGroup + (Unit::columns_of_out(s) + 3) * sizeof(float));
  }
  static constexpr size_t block_bytes(const Sizes& s) { return Block::bytes(s); }

  Int8Rows(const Attention& attention, const Sizes& sizes, Scratch& scratch)
      : a_(attention), sizes_(sizes) {
    for (Distances& distances : distances_) {
      distances.z = scratch.take<int16_t>(kBlock * kTile);
      distances.nearest = scratch.take<int16_t>(2 * kTile);
      distances.nearest32 = scratch.take<int32_t>(kTile);
    }
    work_.weights = scratch.take<uint8_t>(kBlock * kTile);
    work_.sums = scratch.take<int32_t>(kTile);
    work_.factors = scratch.take<float>(kTile);
    work_.raised = scratch.take<float>(kTile);
    work_.scores = scratch.take<float>(Unit::kScoreFloats);
    ranges_.key_mean = scratch.take<float>(row_elements(sizes));
    ranges_.middle = scratch.take<float>(row_elements(sizes));
    ranges_.value_scale = scratch.take<float>(row_elements(sizes));
    ranges_.value_inverse = scratch.take<float>(row_elements(sizes));
    no_means_ = scratch.take<float>(row_elements(sizes));
    for (size_t c = 0; c < row_elements(sizes); ++c) no_means_[c] = ranges_.key_mean[c] = 0.0f;
    bits_ = scratch.take<int32_t>(kTile);
    words_ = scratch.take<uint32_t>(kTile / 2 * row_elements(sizes));
    rounded_ = scratch.take<uint32_t>(kTile / kGroup * row_elements(sizes));
    find_ranges(a_, ranges_);
  }

  Tile take_tile(Scratch& scratch) const {
    Tile tile = {};
    tile.q = scratch.take<uint8_t>(Unit::groups_of_q(sizes_) * kGroupLine);
    tile.query_scales = scratch.take<float>(kTile);
    tile.reference = scratch.take<float>(kTile);
    tile.total = scratch.take<float>(kTile);
    tile.out = scratch.take<float>(Unit::columns_of_out(sizes_) * kTile);
    return tile;
  }

  void pack(const Block& block, size_t before) const {
    pack_keys(block);
    pack_values(block);
    for (size_t i = 0; i < kKeyGroups * 16; ++i) {
      block.thresholds[i] = threshold_of(before + i / 8 * 2 + i % 8 / 4);
    }
  }

  void start(Tile& tile) const {
    constexpr float kLog2E = 1.44269504f;
    const float factor = a_.scale * kLog2E * kOctave;
    const uint16_t* rows[kTile];
    for (size_t r = 0; r < kTile; ++r) {
      rows[r] = r < tile.rows ? row_of(a_.q, tile.row + r, a_.ldq) : nullptr;
    }
    auto* q = reinterpret_cast<uint32_t*>(tile.q);
    Unit::transpose_in(rows, sizes_.head_size, words_);
    round_rows(words_, sizes_.head_size, no_means_, bits_, q, tile.query_scales);
    for (size_t i = 0; i < sizes_.groups * kTile; ++i)
      q[i] ^= Unit::kQueryOffset == 0 ? 0u : 0x80808080u;
    for (size_t i = sizes_.groups * kTile; i < Unit::groups_of_q(sizes_) * kTile; ++i) q[i] = 0;
    for (size_t r = 0; r < kTile; ++r) {
      tile.query_scales[r] *= factor;
      tile.total[r] = 0.0f;
      tile.reference[r] = -3.4e38f;
    }
  }

  void attend(const Block& block, Tile& tile) {
    if (tile.empty) {
      find_largest(block, tile, smaller(block.count, kFirstKeys8));
      for (size_t i = 0; i < kTile; ++i) tile.reference[i] = work_.raised[i];
    }
    const Sight sight = sight_of(a_, block, tile);
    const Distances& distances = distances_[pending_.distances.z == distances_[0].z];
    Unit::measure(sizes_, block, sight, tile, distances, work_, pending_);
    if (pending_.any) add_pending();
    if (any_too_near(distances)) {
      raise(block, tile, distances);
      Unit::measure(sizes_, block, sight, tile, distances, work_, pending_);
    }
    pending_ = {true, block, tile, distances};
  }

  void settle() {
    if (!pending_.any) return;
    Unit::soften(pending_, work_);
    add_pending();
  }

  /// Rows without any key are zeros.
  void finish(const Tile& tile) const {
    invert(tile.total, work_.factors);
    for (size_t c = 0; c < sizes_.value_size; ++c) {
      scale_column(work_.factors, ranges_.value_scale[c], ranges_.middle[c], tile.out + c * kTile);
    }
    if (a_.out_u8) {
      store_u8(tile);
    } else {
      store_bf16(tile);
    }
  }

 private:
  /// Its P8 are there.
  void add_pending() {
    factors_of(pending_.distances.nearest32, work_.factors);
    add_sums(work_.sums, work_.factors, pending_.tile.total);
    Unit::add_values(sizes_, pending_.block, pending_.tile, work_);
    pending_.any = false;
  }

  void pack_keys(const Block& block) const {
    const uint16_t* rows[kBlock];
    for (size_t key = 0; key < kBlock; ++key) {
      const bool present = key < block.count;
      rows[key] = present ? row_of(a_.k, static_cast<size_t>(block.index[key]), a_.ldk) : nullptr;
    }
    Unit::transpose_in(rows, sizes_.head_size, words_);
    round_rows(words_, sizes_.head_size, ranges_.key_mean, bits_, rounded_, block.key_scales);
    int32_t* starts = block.key_starts;
    for (size_t key = 0; key < kBlock; ++key) starts[key] = 0;
    for (size_t g = 0; g < sizes_.groups; ++g) add_words(rounded_ + g * kTile, starts);
    for (size_t key = 0; key < kBlock; ++key) starts[key] *= -Unit::kQueryOffset;
    Unit::store_keys(sizes_, rounded_, block.k);
  }

  void pack_values(const Block& block) const {
    const size_t columns = Block::value_elements(sizes_);
    uint32_t* words = words_;
    for (size_t c = 0; Unit::kWeightOffset != 0 && c < columns; ++c) block.value_starts[c] = 0;
    for (size_t c = sizes_.value_size; c < columns; ++c) words[c] = 0;
    for (size_t g = 0; g < kKeyGroups; ++g) {
      const uint16_t* v[kGroup];
      const size_t last = block.count - 1;
      for (size_t i = 0; i < kGroup; ++i) {
        // Keys that are not there get the weight 0, and some finite value.
        const size_t key = smaller(g * kGroup + i, last);
        v[i] = row_of(a_.v, static_cast<size_t>(block.index[key]), a_.ldv);
      }
      round_four_rows(v, ranges_, sizes_.value_size, words);
      if (Unit::kWeightOffset != 0 && g * kGroup < block.count)
        add_starts(words, block.value_starts);
      Unit::store_values(sizes_, words, g, block.v);
    }
  }

  void add_starts(const uint32_t* words, int32_t* starts) const {
    for (size_t c = 0; c < sizes_.value_size; ++c) {
      int32_t sum = 0;
      for (unsigned i = 0; i < kGroup; ++i) sum += static_cast<int8_t>(words[c] >> (8 * i));
      starts[c] += Unit::kWeightOffset * sum;
    }
  }

  static bool any_too_near(const Distances& distances) {
    int32_t least = 0;
    for (size_t i = 0; i < kTile; ++i) {
      least = distances.nearest32[i] < least ? distances.nearest32[i] : least;
    }
    return least <= kTooNear;
  }

  /// work.raised = the largest of m and the scores of the first `keys` keys of a block.
  void find_largest(const Block& block, const Tile& tile, size_t keys) const {
    const Sight sight = sight_of(a_, block, tile);
    for (size_t i = 0; i < kTile; ++i) work_.raised[i] = tile.reference[i];
    for (size_t key = 0; key < keys; key += kGroup) {
      Unit::score_four(sizes_, block, key, tile, work_);
      for (size_t r = 0; r < kGroup && key + r < block.count; ++r) {
        const float* scores = work_.scores + r * kTile;
        const int32_t hidden = sight.causal ? sight.index[key + r] - sight.row : 0;
        raise_to(scores, hidden, work_.raised);
      }
    }
    for (size_t i = 0; i < kTile; ++i) work_.raised[i] = reference_of(work_.raised[i]);
  }

  /// Makes m the largest score where z came out of s16, and brings the sums to it.
  void raise(const Block& block, const Tile& tile, const Distances& distances) const {
    find_largest(block, tile, block.count);
    for (size_t i = 0; i < kTile; ++i) {
      const bool raised = distances.nearest32[i] <= kTooNear;
      work_.factors[i] = raised ? lowering_of(tile.reference[i], work_.raised[i]) : 1.0f;
      tile.reference[i] = raised ? work_.raised[i] : tile.reference[i];
      tile.total[i] *= work_.factors[i];
    }
    for (size_t c = 0; !tile.empty && c < sizes_.value_size; ++c) {
      for (size_t i = 0; i < kTile; ++i) tile.out[c * kTile + i] *= work_.factors[i];
    }
  }

  /// Words of two columns, transposed to rows.
  void store_bf16(const Tile& tile) const {
    uint32_t* words = words_;
    for (size_t c = 0; c < sizes_.value_size; c += 2) {
      const float* even = tile.out + c * kTile;
      const float* odd = c + 1 < sizes_.value_size ? even + kTile : even;
      narrow_two(even, odd, words + c / 2 * kTile);
    }
    auto* out = static_cast<uint16_t*>(a_.out) + tile.row * a_.ldo;
    Unit::transpose_out(words, sizes_.value_size * 2, tile.rows, reinterpret_cast<uint8_t*>(out),
                        a_.ldo * 2);
  }

  /// Words of four columns, transposed to rows.
  void store_u8(const Tile& tile) const {
    uint32_t* words = words_;
    for (size_t c = 0; c < sizes_.value_size; c += kGroup) {
      for (size_t i = 0; i < kTile; ++i) words[c / kGroup * kTile + i] = 0;
      for (size_t part = 0; part < kGroup && c + part < sizes_.value_size; ++part) {
        const float* from = tile.out + (c + part) * kTile;
        const float inverse = a_.dst_inverse_scale[c + part];
        const auto shift = static_cast<unsigned>(8 * part);
        add_bytes(from, inverse, a_.dst_zero_point, shift, words + c / kGroup * kTile);
      }
    }
    auto* out = static_cast<uint8_t*>(a_.out) + tile.row * a_.ldo;
    Unit::transpose_out(words, sizes_.value_size, tile.rows, out, a_.ldo);
  }

  const Attention& a_;
  Sizes sizes_;
  Distances distances_[2];  ///< of the block in hand, and of the pending one
  Work8 work_;
  Pending<Unit> pending_ = {};
  Ranges ranges_;
  float* no_means_;    ///< zeros for each column
  int32_t* bits_;      ///< [kTile]
  uint32_t* words_;    ///< of two columns, for kTile rows
  uint32_t* rounded_;  ///< of four columns, for kTile rows
};

}  // namespace
}  // namespace edgefusion::kernels
