#pragma once

// The hot loops of attention on 8-bit numbers for vectors of any width, a template over Vector:
//   kLanes, kCount, kSums    queries of a vector, vectors of queries in hand, registers for sums
//   Element, kQueryOffset, kWeightOffset    as Int8Rows wants them
//   store_groups      four words of four s8 -> Elements
//   kSoftensBetween   weights of full tiles are made between other products; wants kCount vectors
//                     to be a tile
//   Sums       kLanes s32;        broadcast_sum, load_sums, store_sums
//   Floats     kLanes f32;        load_floats, store_floats
//   Operand    kLanes times four u8 or s8 of Q8 or P8;  load_operand
//   Broadcast  four Elements, the same for all lanes;   load_broadcast
//   Words      2 kLanes s16 of two keys: in each 128 bits four queries of the one, then of the
//              other;             load_words, store_words, smaller_words, larger_words,
//              subtract_words, repeat_words (of 8 s16), fold_words (both keys get the smaller one)
//   Bytes      kLanes times four u8 of P8, offset
//   dot        sums + the four products of each lane
//   scores     (sums times a key's scale) times the queries' scales
//   distances  m - those, not rounded between the last product and the difference, as Words
//   weights    weight_of of two pairs of keys as Bytes;  sum_weights adds its four to each lane
//   widen_words  one key's s16 -> s32
//   add_scaled   out + float(sums) * factors, rounded once
// Include it where attention_int8_stream-inl.h may be included.

#include "kernels/attention/attention_int8_stream-inl.h"

namespace edgefusion::kernels {
namespace {

template <class Vector>
struct Int8Lanes {
  using Element = typename Vector::Element;
  using Block = Block8<Int8Lanes>;
  using Sums = typename Vector::Sums;
  using Floats = typename Vector::Floats;
  using Words = typename Vector::Words;
  static constexpr size_t kLanes8 = Vector::kLanes;
  static constexpr size_t kVectors = kTile / kLanes8;
  static constexpr size_t kCount = Vector::kCount;
  static constexpr size_t kWords = 2 * kLanes8;
  static constexpr int kQueryOffset = Vector::kQueryOffset;
  static constexpr int kWeightOffset = Vector::kWeightOffset;
  static constexpr size_t kScoreFloats = kGroup * kTile;
  struct Session {
    Session() {}
  };

  static constexpr size_t groups_of_q(const Sizes& s) { return s.groups; }
  static constexpr size_t columns_of_out(const Sizes& s) { return s.value_size; }

  static void store_keys(const Sizes& s, const uint32_t* words, Element* k) {
    for (size_t g = 0; g < s.groups; ++g) {
      for (size_t key = 0; key < kBlockKeys; key += kGroup) {
        Vector::store_groups(k + (key / kGroup * s.groups + g) * kGroup * kGroup,
                             words + g * kBlockKeys + key);
      }
    }
  }

  static void store_values(const Sizes& s, const uint32_t* words, size_t g, Element* v) {
    for (size_t c = 0; c < s.value_size; c += kGroup) {
      Vector::store_groups(v + (c / kGroup * kKeyGroups + g) * kGroup * kGroup, words + c);
    }
  }

  static void transpose_in(const uint16_t* const rows[kTile], size_t columns, uint32_t* words) {
    Vector::transpose_in(rows, columns, words);
  }
  static void transpose_out(const uint32_t* words, size_t bytes, size_t rows, uint8_t* dst,
                            size_t stride) {
    Vector::transpose_out(words, bytes, rows, dst, stride);
  }

  static void measure(const Sizes& s, const Block& block, const Sight& sight, const Tile8& tile,
                      const Distances& distances, const Work8& work,
                      const Pending<Int8Lanes>& pending) {
    const bool together = pending.any && Vector::kSoftensBetween && tile.rows > kTile - kLanes8 &&
                          pending.tile.rows > kTile - kLanes8;
    if (pending.any && !together) soften(pending, work);
    if (together) clear_sums(work);
    for_vectors(tile.rows, [&](auto count, size_t first) {
      const Measured measured = {s, block, sight, tile, distances};
      if constexpr (Vector::kSoftensBetween && count.value == kCount) {
        if (together) return measure_keys<count.value, true>(measured, first, work, pending);
      }
      measure_keys<count.value, false>(measured, first, work, pending);
    });
    for (size_t i = (tile.rows + kLanes8 - 1) / kLanes8 * kLanes8; i < kTile; ++i) {
      distances.nearest32[i] = kUnseen;
    }
  }

  static void score_four(const Sizes& s, const Block& block, size_t key, const Tile8& tile,
                         const Work8& work) {
    for_vectors(tile.rows, [&](auto count, size_t first) {
      constexpr size_t kNow = count.value;
      Sums sums[kGroup][kNow];
      const size_t line = s.groups * kGroup * kGroup;
      start_keys(block, key, sums);
      for (size_t g = 0; g < s.groups; ++g) {
        add_group(block.k + key / kGroup * line + g * kGroup * kGroup, line,
                  tile.q + g * kGroupLine + first * kLanes8 * kGroup, sums);
      }
      for (size_t r = 0; r < kGroup; ++r) {
        for (size_t i = 0; i < kNow; ++i) {
          const size_t query = (first + i) * kLanes8;
          const Floats scale = Vector::load_floats(tile.query_scales + query);
          Vector::store_floats(work.scores + r * kTile + query,
                               Vector::scores(sums[r][i], block.key_scales + key + r, scale));
        }
      }
    });
  }

  static void soften(const Pending<Int8Lanes>& pending, const Work8& work) {
    clear_sums(work);
    for_vectors(pending.tile.rows, [&](auto count, size_t first) {
      for (size_t key = 0; key < pending.block.count; key += kGroup) {
#pragma GCC unroll 4
        for (size_t i = 0; i < count.value; ++i) soften_four(pending, key, first + i, work);
      }
    });
  }

  static void add_values(const Sizes& s, const Block& block, const Tile8& tile, const Work8& work) {
    for_vectors(tile.rows, [&](auto count, size_t first) {
      for (size_t c = 0; c < s.value_size; c += kGroup) {
        switch (s.value_size - c) {
          case 1:
            multiply_values<1, count.value>(block, c, tile, first, work);
            break;
          case 2:
            multiply_values<2, count.value>(block, c, tile, first, work);
            break;
          case 3:
            multiply_values<3, count.value>(block, c, tile, first, work);
            break;
          default:
            multiply_values<4, count.value>(block, c, tile, first, work);
        }
      }
    });
  }

 private:
  template <size_t kValue>
  struct Constant {
    static constexpr size_t value = kValue;
  };

  /// Calls function(number of vectors as a Constant, the first one) until all rows had their turn.
  template <class Function>
  static void for_vectors(size_t rows, const Function& function) {
    const size_t vectors = (rows + kLanes8 - 1) / kLanes8;
    size_t first = 0;
    for (; first + kCount <= vectors; first += kCount) function(Constant<kCount>(), first);
    if constexpr (kCount == 4) {
      if (vectors - first == 3) return function(Constant<3>(), first);
      if (vectors - first == 2) return function(Constant<2>(), first);
    }
    if (vectors - first == 1) function(Constant<1>(), first);
  }

  /// What of a block is measured.
  struct Measured {
    const Sizes& sizes;
    const Block& block;
    const Sight& sight;
    const Tile8& tile;
    const Distances& distances;
  };

  static void clear_sums(const Work8& work) {
    for (size_t i = 0; i < kTile; ++i) work.sums[i] = 0;
  }

  /// sums[r, i] = what K8[key + r, :] . Q8 starts from.
  template <size_t kKeys, size_t kNow>
  static inline __attribute__((always_inline)) void start_keys(const Block& block, size_t key,
                                                               Sums (&sums)[kKeys][kNow]) {
#pragma GCC unroll 16
    for (size_t r = 0; r < kKeys; ++r) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kNow; ++i) {
        sums[r][i] = Vector::broadcast_sum(block.key_starts + key + r);
      }
    }
  }

  /// sums[r, i] += four columns' products of key r at `k` and the queries of vector i at `q`;
  /// `line`: elements of four keys.
  template <size_t kKeys, size_t kNow>
  static inline __attribute__((always_inline)) void add_group(const Element* k, size_t line,
                                                              const uint8_t* q,
                                                              Sums (&sums)[kKeys][kNow]) {
    typename Vector::Operand operand[kNow];
#pragma GCC unroll 4
    for (size_t i = 0; i < kNow; ++i) operand[i] = Vector::load_operand(q + i * kLanes8 * kGroup);
#pragma GCC unroll 16
    for (size_t r = 0; r < kKeys; ++r) {
      const auto group = Vector::load_broadcast(k + r / kGroup * line + r % kGroup * kGroup);
#pragma GCC unroll 4
      for (size_t i = 0; i < kNow; ++i) sums[r][i] = Vector::dot(sums[r][i], operand[i], group);
    }
  }

  static int16_t* words_at(const Distances& distances, size_t key, size_t vector) {
    return distances.z + (key / kGroup * kVectors + vector) * 2 * kWords + key / 2 % 2 * kWords;
  }

  /// With kSoftens, which wants full tiles, P8 of the pending block's keys is made between the
  /// products of the same keys of this one: behind each other, either would wait for the other's
  /// last results.
  template <size_t kNow, bool kSoftens>
  static void measure_keys(const Measured& m, size_t first, const Work8& work,
                           const Pending<Int8Lanes>& pending) {
    constexpr size_t kKeys =
        Vector::kSums / kNow < kGroup ? kGroup : Vector::kSums / kNow / kGroup * kGroup;
    const size_t line = m.sizes.groups * kGroup * kGroup;  // elements of four keys
    int16_t* nearest = m.distances.nearest + first * kWords;
    const Words unseen = Vector::repeat_words(kNoneSeen);
    for (size_t i = 0; i < kNow; ++i) Vector::store_words(nearest + i * kWords, unseen);
    size_t softened = 0;
    for (size_t key = 0; key < m.block.count; key += kKeys) {
      const Element* k = m.block.k + key / kGroup * line;
      const uint8_t* q = m.tile.q + first * kLanes8 * kGroup;
      size_t g = 0;
      Sums sums[kKeys][kNow];
      start_keys(m.block, key, sums);
      if constexpr (kSoftens) {
        static_assert(kKeys == kGroup);
        const size_t between = key < pending.block.count ? smaller(kNow, m.sizes.groups) : 0;
        for (; g < between; ++g, k += kGroup * kGroup, q += kGroupLine) {
          add_group(k, line, q, sums);
          soften_four(pending, key, first + g, work);
        }
        for (size_t i = g; i < kNow && key < pending.block.count; ++i) {
          soften_four(pending, key, first + i, work);
        }
        softened = key + kGroup;
      }
      for (; g < m.sizes.groups; ++g, k += kGroup * kGroup, q += kGroupLine) {
        add_group(k, line, q, sums);
      }
      keep_distances(m, key, first, sums);
    }
    for (; kSoftens && softened < pending.block.count; softened += kGroup) {
      for (size_t i = 0; i < kNow; ++i) soften_four(pending, softened, first + i, work);
    }
    for (size_t i = 0; i < kNow; ++i) {
      const Words both = Vector::fold_words(Vector::load_words(nearest + i * kWords));
      Vector::store_words(nearest + i * kWords, both);
      Vector::store_sums(m.distances.nearest32 + (first + i) * kLanes8, Vector::widen_words(both));
    }
  }

  /// Products -> z and the nearest.
  template <size_t kKeys, size_t kNow>
  static inline __attribute__((always_inline)) void keep_distances(const Measured& m, size_t key,
                                                                   size_t first,
                                                                   Sums (&sums)[kKeys][kNow]) {
    int16_t* nearest = m.distances.nearest + first * kWords;
    const bool hides = m.sight.hides(key, kKeys);
#pragma GCC unroll 4
    for (size_t i = 0; i < kNow; ++i) {
      const size_t query = (first + i) * kLanes8;
      const Floats scales = Vector::load_floats(m.tile.query_scales + query);
      const Floats reference = Vector::load_floats(m.tile.reference + query);
      Words low = Vector::load_words(nearest + i * kWords);
#pragma GCC unroll 8
      for (size_t r = 0; r < kKeys; r += 2) {
        Words z = Vector::distances(sums[r][i], sums[r + 1][i], m.block.key_scales + key + r,
                                    scales, reference);
        if (hides) z = hide(m.sight, key + r, query, z);
        Vector::store_words(words_at(m.distances, key + r, first + i), z);
        low = Vector::smaller_words(low, z);
      }
      Vector::store_words(nearest + i * kWords, low);
    }
  }

  static constexpr int16_t kNoneSeen[8] = {kUnseen, kUnseen, kUnseen, kUnseen,
                                           kUnseen, kUnseen, kUnseen, kUnseen};
  static constexpr int16_t kFirstSeen[8] = {-32768,  -32768,  -32768,  -32768,
                                            kUnseen, kUnseen, kUnseen, kUnseen};

  /// z of keys [key, key + 2) and the queries of one vector, kUnseen where they are not seen.
  static Words hide(const Sight& sight, size_t key, size_t query, Words z) {
    if (key >= sight.count) return Vector::repeat_words(kNoneSeen);
    if (key + 1 >= sight.count) z = Vector::larger_words(z, Vector::repeat_words(kFirstSeen));
    if (!sight.causal) return z;
    alignas(kLine) int16_t words[kWords];
    Vector::store_words(words, z);
    for (size_t i = 0; i < kWords; ++i) {
      const size_t k = key + i / 4 % 2;
      const auto row = sight.row + static_cast<int32_t>(query + i / 8 * 4 + i % 4);
      if (k < sight.count && sight.index[k] > row) words[i] = kUnseen;
    }
    return Vector::load_words(words);
  }

  /// z -> P8 and its sums, of keys [key, key + 4) and the queries of one vector.
  static inline __attribute__((always_inline)) void soften_four(const Pending<Int8Lanes>& pending,
                                                                size_t key, size_t vector,
                                                                const Work8& work) {
    const auto* thresholds = reinterpret_cast<const int16_t*>(pending.block.thresholds) + key * 4;
    const int16_t* z = words_at(pending.distances, key, vector);
    const Words nearest = Vector::load_words(pending.distances.nearest + vector * kWords);
    const auto weights =
        Vector::weights(Vector::subtract_words(Vector::load_words(z), nearest),
                        Vector::subtract_words(Vector::load_words(z + kWords), nearest),
                        Vector::repeat_words(thresholds), Vector::repeat_words(thresholds + 8));
    int32_t* sums = work.sums + vector * kLanes8;
    Vector::store_sums(sums, Vector::sum_weights(Vector::load_sums(sums), weights));
    Vector::store_weights(work.weights + key * kTile + vector * kLanes8 * kGroup, weights);
  }

  /// Columns [c, c + kColumns).
  template <size_t kColumns, size_t kNow>
  static void multiply_values(const Block& block, size_t c, const Tile8& tile, size_t first,
                              const Work8& work) {
    const Element* v = block.v + c * kBlockKeys;
    const uint8_t* weights = work.weights + first * kLanes8 * kGroup;
    const int32_t zero = 0;
    Sums sums[kColumns][kNow];
#pragma GCC unroll 4
    for (size_t r = 0; r < kColumns; ++r) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kNow; ++i) {
        sums[r][i] = Vector::broadcast_sum(kWeightOffset == 0 ? &zero : block.value_starts + c + r);
      }
    }
    for (size_t key = 0; key < block.count; key += kGroup) {
      typename Vector::Operand operand[kNow];
#pragma GCC unroll 4
      for (size_t i = 0; i < kNow; ++i) {
        operand[i] = Vector::load_operand(weights + i * kLanes8 * kGroup);
      }
#pragma GCC unroll 4
      for (size_t r = 0; r < kColumns; ++r) {
        const auto group = Vector::load_broadcast(v + r * kGroup);
#pragma GCC unroll 4
        for (size_t i = 0; i < kNow; ++i) {
          sums[r][i] = Vector::dot(sums[r][i], operand[i], group);
        }
      }
      v += kGroup * kGroup;
      weights += kGroupLine;
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < kColumns; ++r) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kNow; ++i) {
        const size_t query = (first + i) * kLanes8;
        float* out = tile.out + (c + r) * kTile + query;
        const Floats factors = Vector::load_floats(work.factors + query);
        const Floats before = tile.empty ? Vector::no_floats() : Vector::load_floats(out);
        Vector::store_floats(out, Vector::add_scaled(before, sums[r][i], factors));
      }
    }
  }
};

}  // namespace
}  // namespace edgefusion::kernels
