#pragma once

// Vector arithmetic for attention on bf16 rows, for x86 with AVX512_BF16. Include it in files
// compiled for such a CPU only.

#include <immintrin.h>

#include "kernels/attention/attention_avx512-inl.h"
#include "kernels/attention/attention_bf16_stream-inl.h"

namespace edgefusion::kernels {
namespace {

inline __m512 rounded_down_rest(__m512 x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF); }

/// 2^x for weights that become bf16: relative error <= 7.6e-5 (a degree-3 minimax polynomial on
/// [0, 1)), one 52nd of bf16's. Exactly 0 for -inf; inf above 128; NaN stays NaN.
inline __m512 exp2_for_bf16(__m512 x) {
  const __m512 f = rounded_down_rest(x);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.07802452f), f, _mm512_set1_ps(0.22606716f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.69583356f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.9999252f));
  return _mm512_scalef_ps(p, x);
}

/// 2^x, relative error <= 1.5e-7: for what multiplies sums.
inline __m512 exp2_for_sums(__m512 x) {
  const __m512 f = rounded_down_rest(x);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.00021702255f), f, _mm512_set1_ps(0.0012439687f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.009678841f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05548334f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24022983f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693147f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, x);
}

/// Lane i: bf16 of even[i] in the low half, of odd[i] in the high one. For weights: rounds halves
/// up. A NaN whose low 16 bits are clear stays NaN, and all those that bf16 numbers lead to are
/// such.
inline __m512i pair_weights(__m512 even, __m512 odd) {
  const __m512i half = _mm512_set1_epi32(0x8000);
  const __m512i low = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(even), half), 16);
  const __m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
  return _mm512_mask_blend_epi16(0xaaaaaaaau, low, high);
}

/// As pair_weights, rounding halves to even; any NaN stays NaN.
inline __m512i pair_of(__m512 even, __m512 odd) {
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(odd, even);
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, both);
}

inline __m512 dot_pairs(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

/// Weights of two keys whose scores are `even` and `odd`, against the reference m.
inline __m512i weights_of(__m512 even, __m512 odd, __m512 m) {
  return pair_weights(exp2_for_bf16(_mm512_sub_ps(even, m)), exp2_for_bf16(_mm512_sub_ps(odd, m)));
}

/// sum + both weights of each lane.
inline __m512 add_weights(__m512 sum, __m512i pair) {
  return dot_pairs(sum, pair, _mm512_set1_epi32(0x3f803f80));
}

/// Both halves of each lane times `factor`.
inline __m512i scale_pairs(__m512i pairs, __m512 factor) {
  const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
  const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
  return pair_of(_mm512_mul_ps(even, factor), _mm512_mul_ps(odd, factor));
}

/// dst[pair * pair_stride + 2 r + i] = src[r, 2 pair + i] * factor for r < rows, rounded to bf16;
/// zeros for rows <= r < kLanes and for a missing second half of the last pair.
inline void load_transposed(const uint16_t* src, size_t stride, size_t rows, size_t columns,
                            float factor, uint16_t* dst, size_t pair_stride) {
  for (size_t c = 0; c < columns; c += 32) {
    __m512i v[16];
    for (size_t r = 0; r < 16; ++r) {
      v[r] = load_row(r < rows ? src + r * stride : nullptr, c, columns);
    }
    transpose(v);
    const size_t pairs = smaller((columns - c + 1) / 2, 16);
    for (size_t i = 0; i < pairs; ++i) {
      _mm512_store_si512(dst + (c / 2 + i) * pair_stride,
                         scale_pairs(v[i], _mm512_set1_ps(factor)));
    }
  }
}

/// dst[r, c] = src[c * src_stride + r] * factors[r], rounded to bf16, for r < rows, c < columns.
inline void store_transposed(const float* src, size_t src_stride, __m512 factors, size_t rows,
                             size_t columns, uint16_t* dst, size_t stride) {
  for (size_t c = 0; c < columns; c += 32) {
    const size_t left = smaller(columns - c, 32);
    const auto column = [&](size_t i) {
      return i < left ? _mm512_mul_ps(_mm512_load_ps(src + (c + i) * src_stride), factors)
                      : _mm512_setzero_ps();
    };
    __m512i v[16];
    for (size_t i = 0; i < 16; ++i) v[i] = pair_of(column(2 * i), column(2 * i + 1));
    transpose(v);
    for (size_t r = 0; r < rows; ++r) {
      _mm512_mask_storeu_epi16(dst + r * stride + c, first_of_32(left), v[r]);
    }
  }
}

/// dst[pair, r, 0:2] = the r-th row's columns 2 pair and 2 pair + 1; room for a multiple of 4
/// pairs.
inline void pack_four_rows(const uint16_t* const rows[4], size_t columns, uint16_t* dst) {
  for (size_t c = 0; c < columns; c += 32) {
    __m512i v[4];
    for (size_t r = 0; r < 4; ++r) v[r] = load_row(rows[r], c, columns);
    transpose_blocks(v);  // v[i] lane b: pair 4 b + i
    transpose_lanes(v);   // v[i] lane b: pair 4 i + b
    for (size_t i = 0; i < 4 && c + 8 * i < columns; ++i) {
      _mm512_store_si512(dst + 4 * c + 32 * i, v[i]);
    }
  }
}

/// Pairs of rows, columns in groups of four: dst[c / 4 * group + 8 p + 2 (c % 4) + i] =
/// rows[2 p + i][c] for p < 4; columns up to a multiple of four.
inline void pair_eight_rows(const uint16_t* const rows[8], size_t columns, uint16_t* dst,
                            size_t group) {
  const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40,
                                         8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
  for (size_t c = 0; c < columns; c += 32) {
    __m512i v[2][4];
    for (size_t p = 0; p < 4; ++p) {
      const __m512i even = load_row(rows[2 * p], c, columns);
      const __m512i odd = load_row(rows[2 * p + 1], c, columns);
      v[0][p] = _mm512_permutex2var_epi16(even, first, odd);
      v[1][p] = _mm512_permutex2var_epi16(even, second, odd);
    }
    for (size_t half = 0; half < 2; ++half) {
      transpose_lanes(v[half]);  // v[i] lane p: group i of pair p
      for (size_t i = 0; i < 4 && c + 16 * half + 4 * i < columns; ++i) {
        _mm512_store_si512(dst + (c / 4 + 4 * half + i) * group, v[half][i]);
      }
    }
  }
}

/// Columns [column, column + 32) of 32 rows of `columns`, transposed to two tiles of 16 columns
/// times 32 rows; null: no second tile.
inline void transpose_rows(const uint16_t* const rows[32], size_t column, size_t columns,
                           uint16_t* first, uint16_t* second) {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8,
                                       39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  uint16_t* tiles[2] = {first, second};
  for (size_t t = 0; t < 2 && tiles[t] != nullptr; ++t) {
    __m512i v[16];
    for (size_t p = 0; p < 16; ++p) {
      const __m512i even = load_row(rows[2 * p], column, columns);
      const __m512i odd = load_row(rows[2 * p + 1], column, columns);
      v[p] = _mm512_permutex2var_epi16(even, t == 0 ? low : high, odd);
    }
    transpose(v);
    for (size_t c = 0; c < 16; ++c) _mm512_store_si512(tiles[t] + 32 * c, v[c]);
  }
}

/// S of one key and queries [query, query + kLanes) of a tile, -inf where it is not seen.
inline __m512 hide(const Sight& sight, size_t key, size_t query, __m512 scores) {
  const __m512 hidden = _mm512_set1_ps(-__builtin_inff());
  if (key >= sight.count) return hidden;
  if (!sight.causal) return scores;
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i rows =
      _mm512_add_epi32(lanes, _mm512_set1_epi32(sight.row + static_cast<int32_t>(query)));
  const __mmask16 unseen = _mm512_cmplt_epi32_mask(rows, _mm512_set1_epi32(sight.index[key]));
  return _mm512_mask_mov_ps(scores, unseen, hidden);
}

/// The state of a tile with queries along the lanes: Qt [pairs, kTile, 2], Ot [columns, kTile].
struct LanesOfQueries {
  static void load_queries(const Attention& a, size_t padded_pairs, float factor,
                           const Tile& tile) {
    const auto* q = static_cast<const uint16_t*>(a.q);
    for (size_t r = 0; r < kTile; r += kLanes) {
      load_transposed(q + (tile.row + r) * a.ldq, a.ldq,
                      r < tile.rows ? smaller(tile.rows - r, kLanes) : 0, a.head_size, factor,
                      tile.q + 2 * r, 2 * kTile);
    }
    const size_t used = (a.head_size + 1) / 2 * 2 * kTile;
    for (size_t i = used; i < padded_pairs * 2 * kTile; ++i) tile.q[i] = 0;
  }

  static void store_rows(const Attention& a, const Tile& tile, const float* factors) {
    auto* out = static_cast<uint16_t*>(a.out);
    for (size_t r = 0; r < tile.rows; r += kLanes) {
      store_transposed(tile.out + r, kTile, _mm512_load_ps(factors + r),
                       smaller(tile.rows - r, kLanes), a.value_size, out + (tile.row + r) * a.ldo,
                       a.ldo);
    }
  }

  static void scale_sums(const Sizes& s, const Tile& tile, const float* factors) {
    for (size_t c = 0; c < s.value_size; ++c) {
      for (size_t i = 0; i < kTile; ++i) tile.out[c * kTile + i] *= factors[i];
    }
  }

  /// factors = 2^(old - largest)
  static void exponentials(const float* old, const float* largest, float* factors) {
    for (size_t i = 0; i < kTile; i += kLanes) {
      const __m512 x = _mm512_sub_ps(_mm512_load_ps(old + i), _mm512_load_ps(largest + i));
      _mm512_store_ps(factors + i, exp2_for_sums(x));
    }
  }
};

}  // namespace
}  // namespace edgefusion::kernels
