// Attention on bf16 rows with BFMMLA, which multiplies two rows of four bf16 with two others and
// adds the four results: [x0.y0, x0.y1, x1.y0, x1.y1]. With keys or columns of values as x and
// queries as y, queries alternate along the lanes, and no lane meets another one.

#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/attention/attention_bf16_stream-inl.h"

namespace edgefusion::kernels {
namespace {

/// A unit of products: 8 keys or columns times 8 queries, 4 x 4 BFMMLA.
constexpr size_t kUnit = 8;
constexpr size_t kUnitFloats = kUnit * kUnit;
constexpr size_t kQuads = kUnit / 2;
using Unit = float32x4_t[kQuads][kQuads];

bfloat16x8_t load_bf16(const uint16_t* from) { return vreinterpretq_bf16_u16(vld1q_u16(from)); }

/// sums += x . y over `depth` elements, in steps of four; the 8 rows of x lie side by side, those
/// of y are 4 elements apart, a step of y is `y_step` elements.
inline void multiply(const uint16_t* x, const uint16_t* y, size_t y_step, size_t depth,
                     Unit& sums) {
  for (size_t step = 0; step < depth; step += 4) {
    bfloat16x8_t b[kQuads];
#pragma GCC unroll 4
    for (size_t j = 0; j < kQuads; ++j) b[j] = load_bf16(y + 8 * j);
#pragma GCC unroll 4
    for (size_t i = 0; i < kQuads; ++i) {
      const bfloat16x8_t a = load_bf16(x + 8 * i);
#pragma GCC unroll 4
      for (size_t j = 0; j < kQuads; ++j) sums[i][j] = vbfmmlaq_f32(sums[i][j], a, b[j]);
    }
    x += 4 * kUnit;
    y += y_step;
  }
}

inline void clear(Unit& sums) {
  for (auto& row : sums) {
    for (float32x4_t& sum : row) sum = vdupq_n_f32(0.0f);
  }
}

/// 2^n for integers n in [-127, 127]; 2^-127 is 0.
inline float32x4_t power_of_two(int32x4_t n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/// 2^x for weights that become bf16: relative error <= 7.6e-5 (a degree-3 minimax polynomial on
/// [0, 1)), one 52nd of bf16's. 0 below -127; 2^127 or more above 127; NaN stays NaN.
inline float32x4_t exp2_for_bf16(float32x4_t x) {
  const float32x4_t inside = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-127.0f)), vdupq_n_f32(127.0f));
  const float32x4_t n = vrndmq_f32(inside);
  const float32x4_t f = vsubq_f32(inside, n);
  float32x4_t p = vfmaq_f32(vdupq_n_f32(0.22606716f), vdupq_n_f32(0.07802452f), f);
  p = vfmaq_f32(vdupq_n_f32(0.69583356f), p, f);
  p = vfmaq_f32(vdupq_n_f32(0.9999252f), p, f);
  return vmulq_f32(p, power_of_two(vcvtq_s32_f32(n)));
}

/// 2^x for x <= 0, relative error <= 1.5e-7: for what multiplies sums.
inline float32x4_t exp2_for_sums(float32x4_t x) {
  const float32x4_t inside = vmaxq_f32(x, vdupq_n_f32(-127.0f));
  const float32x4_t n = vrndmq_f32(inside);
  const float32x4_t f = vsubq_f32(inside, n);
  float32x4_t p = vfmaq_f32(vdupq_n_f32(0.0012439687f), vdupq_n_f32(0.00021702255f), f);
  p = vfmaq_f32(vdupq_n_f32(0.009678841f), p, f);
  p = vfmaq_f32(vdupq_n_f32(0.05548334f), p, f);
  p = vfmaq_f32(vdupq_n_f32(0.24022983f), p, f);
  p = vfmaq_f32(vdupq_n_f32(0.693147f), p, f);
  p = vfmaq_f32(vdupq_n_f32(1.0f), p, f);
  return vmulq_f32(p, power_of_two(vcvtq_s32_f32(n)));
}

/// [a0, a1, a0, a1]: what two queries have, as their lanes alternate.
inline float32x4_t alternate(const float* two) {
  const float32x2_t pair = vld1_f32(two);
  return vcombine_f32(pair, pair);
}

/// Elements [column, column + 8) of a row of `count`, zeros beyond it; null: zeros.
inline uint16x8_t load_eight(const uint16_t* row, size_t column, size_t count) {
  if (row != nullptr && column + 8 <= count) return vld1q_u16(row + column);
  uint16_t some[8] = {};
  for (size_t i = 0; row != nullptr && column + i < count; ++i) some[i] = row[column + i];
  return vld1q_u16(some);
}

/// Scores that a query does not see become -inf.
void hide(const Sight& sight, size_t key, size_t query, Unit& scores) {
  for (size_t i = 0; i < kQuads; ++i) {
    for (size_t j = 0; j < kQuads; ++j) {
      float lanes[4];
      vst1q_f32(lanes, scores[i][j]);
      for (size_t l = 0; l < 4; ++l) {
        const size_t k = key + 2 * i + l / 2;
        const auto q = static_cast<int32_t>(query + 2 * j + l % 2);
        const bool seen = k < sight.count && (!sight.causal || sight.index[k] <= sight.row + q);
        if (!seen) lanes[l] = -__builtin_inff();
      }
      scores[i][j] = vld1q_f32(lanes);
    }
  }
}

/// largest = the largest of itself and the scores of the first 2 * `pairs` keys.
void raise_largest(const Unit& scores, size_t pairs, float* largest) {
  for (size_t j = 0; j < kQuads; ++j) {
    float32x4_t found = scores[0][j];
    for (size_t i = 1; i < pairs; ++i) found = vmaxq_f32(found, scores[i][j]);
    const float32x2_t both = vmax_f32(vget_low_f32(found), vget_high_f32(found));
    vst1_f32(largest + 2 * j, vmax_f32(vld1_f32(largest + 2 * j), both));
  }
}

/// Scores -> P [quads of keys, kTile, 4 keys] and its sums [kTile / 2, 4]: of query 2 i in lanes 0
/// and 1, of query 2 i + 1 in lanes 2 and 3.
inline void soften(const Unit& scores, const float* largest, uint16_t* weights, float* sums) {
  // Hidden from g++ 12, which would make these 1.0 in f16.
  uint16x8_t ones_bits = vdupq_n_u16(0x3f80);
  asm("" : "+w"(ones_bits));
  const bfloat16x8_t ones = vreinterpretq_bf16_u16(ones_bits);
#pragma GCC unroll 4
  for (size_t j = 0; j < kQuads; ++j) {
    const float32x4_t m = alternate(largest + 2 * j);
    float32x4_t sum = vld1q_f32(sums + 4 * j);
#pragma GCC unroll 2
    for (size_t i = 0; i < kQuads; i += 2) {
      const float32x4_t a = exp2_for_bf16(vsubq_f32(scores[i][j], m));
      const float32x4_t b = exp2_for_bf16(vsubq_f32(scores[i + 1][j], m));
      const bfloat16x8_t first = vcvtq_low_bf16_f32(vuzp1q_f32(a, b));
      const bfloat16x8_t both = vcvtq_high_bf16_f32(first, vuzp2q_f32(a, b));
      sum = vbfmmlaq_f32(sum, both, ones);
      vst1q_u16(weights + i / 2 * 4 * kTile + 8 * j, vreinterpretq_u16_bf16(both));
    }
    vst1q_f32(sums + 4 * j, sum);
  }
}

/// Q: [steps of 4 columns, kTile, 4]; K: [kBlock / 8, steps, 8 keys, 4];
/// V: [columns / 8, kBlock / 4, 8 columns, 4 keys]; out: [columns / 8, kTile / 8] units.
struct NeonBf16 {
  static constexpr bool kDefersValues = false;
  static constexpr size_t kBlock = 64;
  static constexpr size_t kScoreFloats = 2 * kTile;  // the sums of P, as soften keeps them
  struct Session {
    Session() {}
  };

  static constexpr size_t pairs_of_q(const Sizes& s) { return round_up(s.head_size, 4) / 2; }
  static constexpr size_t columns_of_out(const Sizes& s) { return round_up(s.value_size, kUnit); }
  static constexpr size_t key_elements(const Sizes& s) { return round_up(s.head_size, 4); }
  static constexpr size_t value_elements(const Sizes& s) { return round_up(s.value_size, kUnit); }

  static void pack(const Attention& a, const Sizes& s, const Block& block) {
    const auto row = [&](const void* data, size_t stride, size_t key) {
      return key < block.count ? static_cast<const uint16_t*>(data) +
                                     static_cast<size_t>(block.index[key]) * stride
                               : nullptr;
    };
    const size_t depth = key_elements(s);
    for (size_t key = 0; key < round_up(block.count, kUnit); ++key) {
      const uint16_t* k = row(a.k, a.ldk, key);
      uint16_t* dst = block.k + key / kUnit * kUnit * depth + key % kUnit * 4;
      for (size_t c = 0; c < depth; c += 8) {
        const uint16x8_t eight = load_eight(k, c, s.head_size);
        vst1_u16(dst + c * kUnit, vget_low_u16(eight));
        if (c + 4 < depth) vst1_u16(dst + (c + 4) * kUnit, vget_high_u16(eight));
      }
    }
    for (size_t key = 0; key < block.count; key += 4) {
      for (size_t c = 0; c < s.value_size; c += kUnit) {
        uint16x8x4_t quad;
        for (size_t i = 0; i < 4; ++i) {
          quad.val[i] = load_eight(row(a.v, a.ldv, key + i), c, s.value_size);
        }
        vst4q_u16(block.v + c * kBlock + key * kUnit, quad);
      }
    }
  }

  static void load_queries(const Attention& a, size_t, float factor, const Tile& tile) {
    for (size_t r = 0; r < kTile; ++r) {
      const uint16_t* q =
          r < tile.rows ? static_cast<const uint16_t*>(a.q) + (tile.row + r) * a.ldq : nullptr;
      for (size_t c = 0; c < a.head_size; c += 8) {
        const uint16x8_t eight = load_eight(q, c, a.head_size);
        const uint16x4_t halves[2] = {vget_low_u16(eight), vget_high_u16(eight)};
        for (size_t i = 0; i < 2 && c + 4 * i < a.head_size; ++i) {
          const float32x4_t x = vreinterpretq_f32_u32(vshll_n_u16(halves[i], 16));
          const bfloat16x4_t scaled = vcvt_bf16_f32(vmulq_n_f32(x, factor));
          vst1_u16(tile.q + (c + 4 * i) * kTile + 4 * r, vreinterpret_u16_bf16(scaled));
        }
      }
    }
  }

  static void weigh(const Attention& a, const Sizes& s, const Block& block, const Tile& tile,
                    const Work& work, Values&) {
    const Sight sight = sight_of(a, block, tile);
    for (size_t i = 0; i < kScoreFloats; ++i) work.scores[i] = 0.0f;
    for (size_t query = 0; query < tile.rows; query += kUnit) {
      for (size_t key = 0; key < block.count; key += kUnit) {
        Unit scores;
        multiply_scores(s, block, tile, sight, key, query, scores);
        if (tile.empty && key == 0) raise_largest(scores, kFirstKeys / 2, tile.largest + query);
        soften(scores, tile.largest + query, work.weights + key * kTile + 4 * query,
               work.scores + 2 * query);
      }
    }
    for (size_t i = 0; i < kTile; ++i) work.sums[i] = work.scores[2 * i];
  }

  static void find_largest(const Attention& a, const Sizes& s, const Block& block, const Tile& tile,
                           const Work& work) {
    const Sight sight = sight_of(a, block, tile);
    for (size_t i = 0; i < kTile; ++i) work.raised[i] = tile.largest[i];
    for (size_t query = 0; query < tile.rows; query += kUnit) {
      for (size_t key = 0; key < block.count; key += kUnit) {
        Unit scores;
        multiply_scores(s, block, tile, sight, key, query, scores);
        raise_largest(scores, kQuads, work.raised + query);
      }
    }
  }

  static void add_values(const Sizes& s, const Values& values) {
    const size_t keys = round_up(values.block.count, 4);
    for (size_t c = 0; c < s.value_size; c += kUnit) {
      for (size_t query = 0; query < values.rows; query += kUnit) {
        float* out = values.out + c * kTile + query * kUnit;
        Unit sums;
        for (size_t i = 0; i < kQuads; ++i) {
          for (size_t j = 0; j < kQuads; ++j) {
            sums[i][j] = values.first ? vdupq_n_f32(0.0f) : vld1q_f32(out + (i * kQuads + j) * 4);
          }
        }
        multiply(values.block.v + c * kBlock, values.weights + 4 * query, 4 * kTile, keys, sums);
        for (size_t i = 0; i < kQuads; ++i) {
          for (size_t j = 0; j < kQuads; ++j) {
            vst1q_f32(out + (i * kQuads + j) * 4, sums[i][j]);
          }
        }
      }
    }
  }

  static void exponentials(const float* old, const float* largest, float* factors) {
    for (size_t i = 0; i < kTile; i += 4) {
      vst1q_f32(factors + i, exp2_for_sums(vsubq_f32(vld1q_f32(old + i), vld1q_f32(largest + i))));
    }
  }

  static void scale_sums(const Sizes& s, const Tile& tile, const float* factors) {
    for (size_t c = 0; c < s.value_size; c += kUnit) {
      for (size_t query = 0; query < kTile; query += 2) {
        float* out = tile.out + c * kTile + query / kUnit * kUnitFloats + query % kUnit / 2 * 4;
        for (size_t i = 0; i < kQuads; ++i, out += 4 * kQuads) {
          vst1q_f32(out, vmulq_f32(vld1q_f32(out), alternate(factors + query)));
        }
      }
    }
  }

  static void store_rows(const Attention& a, const Tile& tile, const float* factors) {
    for (size_t r = 0; r < tile.rows; ++r) {
      auto* out = static_cast<uint16_t*>(a.out) + (tile.row + r) * a.ldo;
      const float* unit = tile.out + r / kUnit * kUnitFloats + r % kUnit / 2 * 4 + r % 2;
      for (size_t c = 0; c < a.value_size; ++c) {
        const float sum = unit[c / kUnit * kUnit * kTile + c % kUnit / 2 * 16 + c % 2 * 2];
        const bfloat16_t rounded = vcvth_bf16_f32(sum * factors[r]);
        __builtin_memcpy(out + c, &rounded, sizeof rounded);
      }
    }
  }

 private:
  /// Of keys [key, key + 8) and queries [query, query + 8), -inf where one does not see the other.
  static void multiply_scores(const Sizes& s, const Block& block, const Tile& tile,
                              const Sight& sight, size_t key, size_t query, Unit& scores) {
    const size_t depth = key_elements(s);
    clear(scores);
    multiply(block.k + key * depth, tile.q + 4 * query, 4 * kTile, depth, scores);
    if (sight.hides(key, kUnit)) hide(sight, key, query, scores);
  }
};

}  // namespace

AttentionFunctions attention_bf16_64_neon_bf16() {
  using Kernel = Stream<Bf16Rows<NeonBf16>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__aarch64__)
