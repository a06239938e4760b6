#pragma once

// Attention on bf16 rows with tile products, a template over the tiles (kernels/amx/amx_tile.h).
// The tile unit multiplies beside the vector units: the products of the next scores and those of
// the last block's weights and values are issued between the exponentials of the scores in hand,
// which take longer. Include it where attention_bf16_x86-inl.h may be included.

#include "kernels/amx/amx_tile.h"
#include "kernels/attention/attention_bf16_x86-inl.h"

namespace edgefusion::kernels {
namespace {

/// A unit of scores: kUnit keys times kUnit queries, 2 x 2 tiles.
constexpr size_t kUnit = 32;
constexpr size_t kUnitScores = kUnit * kUnit;
constexpr size_t kTileElements = 16 * 32;                    // bf16 of a tile
constexpr size_t kPairBytes = 2 * kTile * sizeof(uint16_t);  // a row of Qt or P

/// K: [kBlock / 16, steps, 16 keys, 32 columns]; V: [column tiles, kBlock / 32, 16 columns, 32
/// keys].
template <class Tiles>
struct AmxBf16 : LanesOfQueries {
  using Session = typename Tiles::Session;
  static constexpr bool kDefersValues = true;
  /// Two blocks' P, two units of scores and a tile's Q and O are in use at once.
  static constexpr size_t kBlock = 64;
  static constexpr size_t kScoreFloats = 2 * kUnitScores;

  /// Products over 32 columns at a time.
  static constexpr size_t steps(const Sizes& s) { return (s.pairs + 15) / 16; }
  static constexpr size_t column_tiles(const Sizes& s) { return (s.value_size + 15) / 16; }
  static constexpr size_t pairs_of_q(const Sizes& s) { return 16 * steps(s); }
  static constexpr size_t columns_of_out(const Sizes& s) { return 16 * column_tiles(s); }
  static constexpr size_t key_elements(const Sizes& s) { return 32 * steps(s); }
  static constexpr size_t value_elements(const Sizes& s) { return 16 * column_tiles(s); }

  static void pack(const Attention& a, const Sizes& s, const Block& block) {
    const size_t keys = round_up(block.count, kUnit);
    const uint16_t* v[kBlock];
    for (size_t key = 0; key < keys; ++key) {
      const bool present = key < block.count;
      const size_t number = present ? static_cast<size_t>(block.index[key]) : 0;
      const uint16_t* k = present ? static_cast<const uint16_t*>(a.k) + number * a.ldk : nullptr;
      v[key] = present ? static_cast<const uint16_t*>(a.v) + number * a.ldv : nullptr;
      for (size_t step = 0; step < steps(s); ++step) {
        _mm512_store_si512(block.k + (key / 16 * steps(s) + step) * kTileElements + key % 16 * 32,
                           load_row(k, 32 * step, s.head_size));
      }
    }
    for (size_t key = 0; key < keys; key += 32) {
      for (size_t c = 0; c < column_tiles(s); c += 2) {
        uint16_t* first = block.v + (c * (kBlock / 32) + key / 32) * kTileElements;
        const bool both = c + 1 < column_tiles(s);
        transpose_rows(v + key, 16 * c, s.value_size, first,
                       both ? first + kBlock / 32 * kTileElements : nullptr);
      }
    }
  }

  static void weigh(const Attention& a, const Sizes& s, const Block& block, const Tile& tile,
                    const Work& work, Values& values) {
    const size_t halves = tile.rows > kUnit ? 2 : 1;
    const size_t units = (block.count + kUnit - 1) / kUnit * halves;
    const size_t pieces = values.weights == nullptr ? 0 : value_pieces(s, values);
    for (size_t i = 0; i < kTile; ++i) work.sums[i] = 0.0f;
    multiply_scores(s, block, tile, 0, 0, work.scores);
    for (size_t u = 0, piece = 0; u < units; ++u) {
      float* scores = work.scores + u % 2 * kUnitScores;
      const size_t next = u + 1;
      if (next < units) {
        multiply_scores(s, block, tile, next / halves, next % halves,
                        work.scores + next % 2 * kUnitScores);
      }
      const size_t key = u / halves * kUnit, query = u % halves * kUnit;
      const Sight sight = sight_of(a, block, tile);
      if (sight.hides(key, kUnit)) hide_scores(sight, key, query, scores);
      if (tile.empty && key == 0) raise_largest(scores, kFirstKeys, tile.largest + query);
      for (size_t part = 0; part < 2; ++part) {
        // The products of values are spread evenly over the exponentials.
        for (; piece < (2 * u + 1 + part) * pieces / (2 * units); ++piece) {
          add_value_piece(s, values, piece);
        }
        soften(scores, part * kUnit / 2, key, query, tile, work);
      }
    }
    values.weights = nullptr;
  }

  static void find_largest(const Attention& a, const Sizes& s, const Block& block, const Tile& tile,
                           const Work& work) {
    const Sight sight = sight_of(a, block, tile);
    for (size_t i = 0; i < kTile; ++i) work.raised[i] = tile.largest[i];
    for (size_t key = 0; key < block.count; key += kUnit) {
      for (size_t query = 0; query < tile.rows; query += kUnit) {
        multiply_scores(s, block, tile, key / kUnit, query / kUnit, work.scores);
        if (sight.hides(key, kUnit)) hide_scores(sight, key, query, work.scores);
        raise_largest(work.scores, kUnit, work.raised + query);
      }
    }
  }

  static void add_values(const Sizes& s, const Values& values) {
    for (size_t piece = 0; piece < value_pieces(s, values); ++piece) {
      add_value_piece(s, values, piece);
    }
  }

 private:
  static constexpr size_t kScoreStride = kUnit * sizeof(float);

  /// S of keys [32 unit, 32 unit + 32) and queries [32 half, 32 half + 32): [kUnit, kUnit].
  static void multiply_scores(const Sizes& s, const Block& block, const Tile& tile, size_t unit,
                              size_t half, float* scores) {
    const uint16_t* k = block.k + 2 * unit * steps(s) * kTileElements;
    const uint16_t* q = tile.q + half * 2 * kUnit;
    Tiles::template zero<0>();
    Tiles::template zero<1>();
    Tiles::template zero<2>();
    Tiles::template zero<3>();
    for (size_t step = 0; step < steps(s); ++step) {
      Tiles::template load<4>(k + step * kTileElements, kLine);
      Tiles::template load<6>(q + step * 32 * kTile, kPairBytes);
      Tiles::template dot_bf16<0, 4, 6>();
      Tiles::template load<7>(q + step * 32 * kTile + 32, kPairBytes);
      Tiles::template dot_bf16<1, 4, 7>();
      Tiles::template load<5>(k + (steps(s) + step) * kTileElements, kLine);
      Tiles::template dot_bf16<2, 5, 6>();
      Tiles::template dot_bf16<3, 5, 7>();
    }
    Tiles::template store<0>(scores, kScoreStride);
    Tiles::template store<1>(scores + 16, kScoreStride);
    Tiles::template store<2>(scores + 16 * kUnit, kScoreStride);
    Tiles::template store<3>(scores + 16 * kUnit + 16, kScoreStride);
  }

  static void hide_scores(const Sight& sight, size_t key, size_t query, float* scores) {
    for (size_t r = 0; r < kUnit; ++r) {
      for (size_t i = 0; i < kUnit; i += kLanes) {
        float* at = scores + r * kUnit + i;
        _mm512_store_ps(at, hide(sight, key + r, query + i, _mm512_load_ps(at)));
      }
    }
  }

  static void raise_largest(const float* scores, size_t keys, float* largest) {
    for (size_t i = 0; i < kUnit; i += kLanes) {
      __m512 found = _mm512_load_ps(largest + i);
      for (size_t r = 0; r < keys; ++r) {
        found = _mm512_max_ps(found, _mm512_load_ps(scores + r * kUnit + i));
      }
      _mm512_store_ps(largest + i, found);
    }
  }

  /// Half a unit of scores, rows [first, first + 16) -> P and its sums.
  static void soften(const float* scores, size_t first, size_t key, size_t query, const Tile& tile,
                     const Work& work) {
    for (size_t i = 0; i < kUnit; i += kLanes) {
      const __m512 m = _mm512_load_ps(tile.largest + query + i);
      __m512 sum = _mm512_load_ps(work.sums + query + i);
#pragma GCC unroll 4
      for (size_t r = first; r < first + kUnit / 2; r += 2) {
        const float* at = scores + r * kUnit + i;
        const __m512i pair = weights_of(_mm512_load_ps(at), _mm512_load_ps(at + kUnit), m);
        sum = add_weights(sum, pair);
        _mm512_store_si512(work.weights + (key + r) * kTile + (query + i) * 2, pair);
      }
      _mm512_store_ps(work.sums + query + i, sum);
    }
  }

  /// Pieces of the product of values: two tiles of columns times two tiles of queries each.
  static size_t value_pieces(const Sizes& s, const Values& values) {
    return (column_tiles(s) + 1) / 2 * (values.rows > kUnit ? 2 : 1);
  }

  static void add_value_piece(const Sizes& s, const Values& values, size_t piece) {
    const size_t pairs = (column_tiles(s) + 1) / 2;
    const size_t c = piece % pairs * 2, half = piece / pairs;
    if (c + 1 < column_tiles(s)) {
      add_columns<2>(values, c, half);
    } else {
      add_columns<1>(values, c, half);
    }
  }

  template <int kColumnTiles>
  static void add_columns(const Values& values, size_t c, size_t half) {
    const uint16_t* v = values.block.v + c * (kBlock / 32) * kTileElements;
    const uint16_t* p = values.weights + half * 2 * kUnit;
    float* out = values.out + c * 16 * kTile + half * kUnit;
    constexpr size_t kStride = kTile * sizeof(float);
    start<0>(values.first, out);
    start<1>(values.first, out + 16);
    if constexpr (kColumnTiles == 2) {
      start<2>(values.first, out + 16 * kTile);
      start<3>(values.first, out + 16 * kTile + 16);
    }
    for (size_t chunk = 0; chunk * 32 < values.block.count; ++chunk) {
      Tiles::template load<4>(v + chunk * kTileElements, kLine);
      Tiles::template load<6>(p + chunk * 32 * kTile, kPairBytes);
      Tiles::template dot_bf16<0, 4, 6>();
      Tiles::template load<7>(p + chunk * 32 * kTile + 32, kPairBytes);
      Tiles::template dot_bf16<1, 4, 7>();
      if constexpr (kColumnTiles == 2) {
        Tiles::template load<5>(v + (kBlock / 32 + chunk) * kTileElements, kLine);
        Tiles::template dot_bf16<2, 5, 6>();
        Tiles::template dot_bf16<3, 5, 7>();
      }
    }
    Tiles::template store<0>(out, kStride);
    Tiles::template store<1>(out + 16, kStride);
    if constexpr (kColumnTiles == 2) {
      Tiles::template store<2>(out + 16 * kTile, kStride);
      Tiles::template store<3>(out + 16 * kTile + 16, kStride);
    }
  }

  template <int kSum>
  static void start(bool first, const float* out) {
    if (first) {
      Tiles::template zero<kSum>();
    } else {
      Tiles::template load<kSum>(out, kTile * sizeof(float));
    }
  }
};

}  // namespace
}  // namespace edgefusion::kernels
