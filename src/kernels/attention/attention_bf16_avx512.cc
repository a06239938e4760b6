// Attention on bf16 rows with VDPBF16PS, which adds the products of two neighbouring bf16 to each
// of 16 sums. A key's pairs of columns, and a column's pairs of keys, are broadcast one by one: no
// head size is padded beyond a pair.

#if defined(__x86_64__)

#include "kernels/attention/attention_bf16_x86-inl.h"

namespace edgefusion::kernels {
namespace {

/// Number of keys times vectors of queries whose scores are held in registers: 16 sums hide the
/// latency of VDPBF16PS, and leave registers for the exponentials that follow.
constexpr size_t kSums = 16;
constexpr size_t kVectors = kTile / kLanes;
/// Columns of values times kVectors sums, for a full tile: as few sums hide the latency, and the
/// fewer there are, the better the end of one group of columns overlaps the start of the next.
constexpr size_t kMaxColumns = 4;

inline __m512i broadcast_pair(const uint16_t* pair) {
  int32_t bits;
  __builtin_memcpy(&bits, pair, sizeof bits);
  return _mm512_set1_epi32(bits);
}

/// Scores of keys [key, key + kKeys) become -inf where a query does not see the key.
template <size_t kKeys, size_t kCount>
inline void hide(const Sight& sight, size_t key, __m512 (&scores)[kKeys][kCount]) {
  for (size_t r = 0; r < kKeys; ++r) {
    for (size_t i = 0; i < kCount; ++i) {
      scores[r][i] = hide(sight, key + r, i * kLanes, scores[r][i]);
    }
  }
}

/// K: [kBlock / 4, pairs, 4 keys, 2], V: [groups of columns, kBlock / 2, kMaxColumns, 2]: both are
/// read from front to back.
struct Packed : LanesOfQueries {
  static constexpr bool kDefersValues = false;
  static constexpr size_t kBlock = 128;  // its P fits the L1 cache with a tile's Q
  static constexpr size_t pairs_of_q(const Sizes& s) { return s.pairs; }
  static constexpr size_t columns_of_out(const Sizes& s) { return s.value_size; }
  static constexpr size_t key_elements(const Sizes& s) { return round_up(2 * s.pairs, 8); }
  static constexpr size_t value_elements(const Sizes& s) {
    return round_up(s.value_size, kMaxColumns);
  }
};

template <size_t kKeys, size_t kCount>
using Scores = __m512[kKeys][kCount];

template <size_t kKeys, size_t kCount>
inline void clear(Scores<kKeys, kCount>& scores) {
#pragma GCC unroll 16
  for (size_t r = 0; r < kKeys; ++r) {
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i) scores[r][i] = _mm512_setzero_ps();
  }
}

/// Adds the products of one pair of columns; `k` and `q` stand at it, `group` is what lies between
/// two groups of four keys.
template <size_t kKeys, size_t kCount>
inline void add_pair(const uint16_t* k, size_t group, const uint16_t* q,
                     Scores<kKeys, kCount>& scores) {
  __m512i operand[kCount];
#pragma GCC unroll 4
  for (size_t i = 0; i < kCount; ++i) operand[i] = _mm512_load_si512(q + i * 2 * kLanes);
#pragma GCC unroll 16
  for (size_t r = 0; r < kKeys; ++r) {
    const __m512i pair = broadcast_pair(k + r / 4 * group + r % 4 * 2);
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i) scores[r][i] = dot_pairs(scores[r][i], pair, operand[i]);
  }
}

/// largest = the largest of itself and the scores of the first kUsed keys.
template <size_t kUsed, size_t kKeys, size_t kCount>
inline void raise_largest(const __m512 (&scores)[kKeys][kCount], float* largest) {
  for (size_t i = 0; i < kCount; ++i) {
    __m512 found = _mm512_load_ps(largest + i * kLanes);
    for (size_t r = 0; r < kUsed; ++r) found = _mm512_max_ps(found, scores[r][i]);
    _mm512_store_ps(largest + i * kLanes, found);
  }
}

/// Stores scores so that those of two keys for the same queries follow each other.
template <size_t kKeys, size_t kCount>
inline void store_scores(const Scores<kKeys, kCount>& scores, float* dst) {
#pragma GCC unroll 16
  for (size_t r = 0; r < kKeys; ++r) {
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i) {
      _mm512_store_ps(dst + ((r / 2 * kCount + i) * 2 + r % 2) * kLanes, scores[r][i]);
    }
  }
}

/// Stored scores of two keys and one vector of queries -> P, added to its sums.
inline void soften(const float* scores, const float* largest, uint16_t* weights, float* sums) {
  const __m512i pair =
      weights_of(_mm512_load_ps(scores), _mm512_load_ps(scores + kLanes), _mm512_load_ps(largest));
  _mm512_store_ps(sums, add_weights(_mm512_load_ps(sums), pair));
  _mm512_store_si512(weights, pair);
}

/// P of all keys and kCount vectors of queries: [pairs of keys, kCount * kLanes, 2].
/// Exponentials of keys and products of the next keys stand side by side, so that they share the
/// vector units: behind each other, either would wait for the other's last results.
template <size_t kCount>
void weigh_keys(const Sizes& s, const Block& block, const Sight& sight, const Tile& tile,
                const Work& work) {
  constexpr size_t kKeys = kSums / kCount / 2 * 2;
  const size_t group = Packed::key_elements(s) * 4;
  const auto soften_pair = [&](uint16_t* weights, size_t g, size_t i) {
    const size_t at = (g * kCount + i) * 2 * kLanes;
    soften(work.scores + at, tile.largest + i * kLanes, weights + at, work.sums + i * kLanes);
  };
  for (size_t i = 0; i < kTile; ++i) work.sums[i] = 0.0f;
  uint16_t* weights = nullptr;  // of the keys whose scores are stored
  for (size_t key = 0; key < block.count; key += kKeys) {
    const uint16_t* k = block.k + key / 4 * group;
    const uint16_t* q = tile.q;
    Scores<kKeys, kCount> scores;
    clear<kKeys, kCount>(scores);
    size_t p = 0, g = weights == nullptr ? kKeys / 2 : 0;
    for (; g < kKeys / 2 && p + kCount <= s.pairs; ++g) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kCount; ++i, ++p) {
        add_pair<kKeys, kCount>(k + 8 * p, group, q + p * 2 * kTile, scores);
        soften_pair(weights, g, i);
      }
    }
    for (; g < kKeys / 2; ++g) {
      for (size_t i = 0; i < kCount; ++i) soften_pair(weights, g, i);
    }
    for (; p < s.pairs; ++p) {
      add_pair<kKeys, kCount>(k + 8 * p, group, q + p * 2 * kTile, scores);
    }
    if (sight.hides(key, kKeys)) hide(sight, key, scores);
    if (tile.empty && key == 0) raise_largest<kFirstKeys>(scores, tile.largest);
    store_scores<kKeys, kCount>(scores, work.scores);
    weights = work.weights + key * kCount * kLanes;
  }
  for (size_t g = 0; g < kKeys / 2; ++g) {
    for (size_t i = 0; i < kCount; ++i) soften_pair(weights, g, i);
  }
}

/// largest = the largest of M and all scores.
void find_largest_score(const Sizes& s, const Block& block, const Sight& sight, const Tile& tile,
                        float* largest) {
  const size_t group = Packed::key_elements(s) * 4;
  for (size_t i = 0; i < kTile; ++i) largest[i] = tile.largest[i];
  for (size_t key = 0; key < block.count; key += 4) {
    Scores<4, kVectors> scores;
    clear<4, kVectors>(scores);
    for (size_t p = 0; p < s.pairs; ++p) {
      add_pair<4, kVectors>(block.k + key / 4 * group + 8 * p, group, tile.q + p * 2 * kTile,
                            scores);
    }
    hide(sight, key, scores);
    raise_largest<4>(scores, largest);
  }
}

/// Ot[c, ...] += sum over pairs of keys of v[pair, c] . P[pair, ...], c in [0, kColumns).
template <size_t kColumns, size_t kCount>
void multiply_values(const uint16_t* v, size_t pairs, const uint16_t* weights, bool first,
                     float* out) {
  __m512 sums[kColumns][kCount];
#pragma GCC unroll 4
  for (size_t c = 0; c < kColumns; ++c) {
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i) {
      sums[c][i] = first ? _mm512_setzero_ps() : _mm512_load_ps(out + c * kTile + i * kLanes);
    }
  }
  for (size_t p = 0; p < pairs; ++p) {
    __m512i operand[kCount];
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i) {
      operand[i] = _mm512_load_si512(weights + (p * kCount + i) * 2 * kLanes);
    }
#pragma GCC unroll 4
    for (size_t c = 0; c < kColumns; ++c) {
      const __m512i pair = broadcast_pair(v + (p * kMaxColumns + c) * 2);
#pragma GCC unroll 4
      for (size_t i = 0; i < kCount; ++i) sums[c][i] = dot_pairs(sums[c][i], pair, operand[i]);
    }
  }
#pragma GCC unroll 4
  for (size_t c = 0; c < kColumns; ++c) {
#pragma GCC unroll 4
    for (size_t i = 0; i < kCount; ++i) _mm512_store_ps(out + c * kTile + i * kLanes, sums[c][i]);
  }
}

template <size_t kCount>
void add_columns(const Sizes& s, const Values& values) {
  const size_t pairs = (values.block.count + 1) / 2;
  for (size_t c = 0; c < s.value_size; c += kMaxColumns) {
    const uint16_t* v = values.block.v + c * Packed::kBlock;
    float* out = values.out + c * kTile;
    switch (s.value_size - c) {
      case 1:
        multiply_values<1, kCount>(v, pairs, values.weights, values.first, out);
        break;
      case 2:
        multiply_values<2, kCount>(v, pairs, values.weights, values.first, out);
        break;
      case 3:
        multiply_values<3, kCount>(v, pairs, values.weights, values.first, out);
        break;
      default:
        multiply_values<4, kCount>(v, pairs, values.weights, values.first, out);
    }
  }
}

struct Avx512Bf16 : Packed {
  static constexpr size_t kScoreFloats = kSums * kLanes;
  struct Session {
    Session() {}
  };

  static void pack(const Attention& a, const Sizes& s, const Block& block) {
    const size_t keys = round_up(block.count, kSums);
    const uint16_t* k[kBlock];
    const uint16_t* v[kBlock];
    for (size_t key = 0; key < keys; ++key) {
      const bool present = key < block.count;
      const size_t number = present ? static_cast<size_t>(block.index[key]) : 0;
      k[key] = present ? static_cast<const uint16_t*>(a.k) + number * a.ldk : nullptr;
      v[key] = present ? static_cast<const uint16_t*>(a.v) + number * a.ldv : nullptr;
    }
    for (size_t key = 0; key < keys; key += 4) {
      pack_four_rows(k + key, s.head_size, block.k + key * key_elements(s));
    }
    for (size_t key = 0; key < keys; key += 8) {
      pair_eight_rows(v + key, s.value_size, block.v + key * kMaxColumns, kBlock * kMaxColumns);
    }
  }

  static void weigh(const Attention& a, const Sizes& s, const Block& block, const Tile& tile,
                    const Work& work, Values&) {
    const Sight sight = sight_of(a, block, tile);
    if (tile.rows > 3 * kLanes) return weigh_keys<4>(s, block, sight, tile, work);
    if (tile.rows > 2 * kLanes) return weigh_keys<3>(s, block, sight, tile, work);
    if (tile.rows > kLanes) return weigh_keys<2>(s, block, sight, tile, work);
    weigh_keys<1>(s, block, sight, tile, work);
  }

  static void find_largest(const Attention& a, const Sizes& s, const Block& block, const Tile& tile,
                           const Work& work) {
    find_largest_score(s, block, sight_of(a, block, tile), tile, work.raised);
  }

  static void add_values(const Sizes& s, const Values& values) {
    if (values.rows > 3 * kLanes) return add_columns<4>(s, values);
    if (values.rows > 2 * kLanes) return add_columns<3>(s, values);
    if (values.rows > kLanes) return add_columns<2>(s, values);
    add_columns<1>(s, values);
  }
};

}  // namespace

AttentionFunctions attention_bf16_64_avx512_bf16() {
  using Kernel = Stream<Bf16Rows<Avx512Bf16>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__x86_64__)
