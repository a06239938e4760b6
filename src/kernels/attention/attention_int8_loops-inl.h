#pragma once

// Attention on 8-bit numbers: loops over a row's columns or a tile's queries which every compiler
// makes vectors of. Include it where attention_int8_formula-inl.h may be included.

#include "kernels/attention/attention_int8_formula-inl.h"
#include "kernels/attention/attention_stream-inl.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kGroup = 4;

inline const uint16_t* row_of(const void* data, size_t row, size_t stride) {
  return static_cast<const uint16_t*>(data) + row * stride;
}

/// How K and V of the head become 8 bits.
struct Ranges {
  float* key_mean;       ///< [head_size]
  float* middle;         ///< [value_size]
  float* value_scale;    ///< [value_size]
  float* value_inverse;  ///< [value_size]
};

inline void add_row(const uint16_t* __restrict src, size_t columns, float* __restrict sums) {
  for (size_t c = 0; c < columns; ++c) sums[c] += widened(src[c]);
}

inline void extend_range(const uint16_t* __restrict src, size_t columns, float* __restrict low,
                         float* __restrict high) {
  for (size_t c = 0; c < columns; ++c) {
    const float x = widened(src[c]);
    low[c] = x < low[c] ? x : low[c];
    high[c] = x > high[c] ? x : high[c];
  }
}

/// Rows of bf16 (null: zeros) -> words of two columns [pairs, kTile].
inline void transpose_rows(const uint16_t* const rows[kTile], size_t columns, uint32_t* words) {
  for (size_t c = 0; c < columns; c += 2) {
    for (size_t r = 0; r < kTile; ++r) {
      const uint32_t even = rows[r] == nullptr ? 0u : rows[r][c];
      const uint32_t odd = rows[r] == nullptr || c + 1 == columns ? 0u : rows[r][c + 1];
      words[c / 2 * kTile + r] = even | odd << 16;
    }
  }
}

/// words [bytes / 4, kTile] -> rows of `bytes`, `stride` bytes apart.
inline void transpose_words(const uint32_t* words, size_t bytes, size_t rows, uint8_t* dst,
                            size_t stride) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t b = 0; b < bytes; b += 4) {
      __builtin_memcpy(dst + r * stride + b, words + b / 4 * kTile + r, smaller(bytes - b, 4));
    }
  }
}

/// Two bf16 of each of kTile rows: the even column in the low half.
inline float even_of(uint32_t word) { return __builtin_bit_cast(float, word << 16); }
inline float odd_of(uint32_t word) { return __builtin_bit_cast(float, word & 0xffff0000u); }

/// Magnitudes are in the order of their bits, and integers need no promise about NaN.
inline int32_t size_bits(float x) { return __builtin_bit_cast(int32_t, x) & 0x7fffffff; }

/// largest = the bits of the largest of itself and the magnitudes of two columns, less their means.
inline void find_larger(const uint32_t* __restrict words, float even_mean, float odd_mean,
                        int32_t* __restrict largest) {
  for (size_t i = 0; i < kTile; ++i) {
    const int32_t even = size_bits(even_of(words[i]) - even_mean);
    const int32_t odd = size_bits(odd_of(words[i]) - odd_mean);
    const int32_t larger = even > odd ? even : odd;
    largest[i] = larger > largest[i] ? larger : largest[i];
  }
}

/// The bits of the largest -> scales, and their inverse in place.
inline void scales_of(int32_t* __restrict largest, float* __restrict scales) {
  for (size_t i = 0; i < kTile; ++i) {
    const float size = __builtin_bit_cast(float, largest[i]);
    const bool some = size > kSmallest;
    scales[i] = some ? size / kLargest8 : 0.0f;
    const float inverse = kLargest8 / (some ? size : 1.0f);
    largest[i] = __builtin_bit_cast(int32_t, some ? inverse : 0.0f);
  }
}

/// Two columns, less their means, times the inverse scales (as bits), rounded, as the low half or
/// the high half (shift 16) of words of four s8.
inline void round_two(const uint32_t* __restrict words, float even_mean, float odd_mean,
                      const int32_t* __restrict inverse, unsigned shift, uint32_t* __restrict dst) {
  for (size_t i = 0; i < kTile; ++i) {
    const float factor = __builtin_bit_cast(float, inverse[i]);
    const uint32_t even = rounded_bits((even_of(words[i]) - even_mean) * factor) & 255u;
    const uint32_t odd = rounded_bits((odd_of(words[i]) - odd_mean) * factor) & 255u;
    dst[i] |= (even | odd << 8) << shift;
  }
}

/// sums += the four s8 of each word.
inline void add_words(const uint32_t* __restrict words, int32_t* __restrict sums) {
  for (size_t i = 0; i < kTile; ++i) {
    const auto word = static_cast<int32_t>(words[i]);
    const int32_t low = (word << 24 >> 24) + (word << 16 >> 24);
    sums[i] += low + (word << 8 >> 24) + (word >> 24);
  }
}

/// kTile rows of bf16, transposed: words [pairs, kTile], less the means of the columns -> s8 and
/// their scales; rounded [groups, kTile, 4], columns beyond `columns` are zeros. `means` has a
/// number for the second half of the last pair, too; `bits`: [kTile].
inline void round_rows(const uint32_t* words, size_t columns, const float* means, int32_t* bits,
                       uint32_t* rounded, float* scales) {
  const auto pair_at = [&](size_t c) { return words + c / 2 * kTile; };
  for (size_t i = 0; i < kTile; ++i) bits[i] = 0;
  for (size_t c = 0; c < columns; c += 2) find_larger(pair_at(c), means[c], means[c + 1], bits);
  scales_of(bits, scales);
  for (size_t c = 0; c < columns; c += kGroup, rounded += kTile) {
    for (size_t i = 0; i < kTile; ++i) rounded[i] = 0;
    round_two(pair_at(c), means[c], means[c + 1], bits, 0, rounded);
    if (c + 2 < columns) {
      round_two(pair_at(c + 2), means[c + 2], means[c + 3], bits, 16, rounded);
    }
  }
}

/// V8 of four keys, a word for each column.
inline void round_four_rows(const uint16_t* const rows[4], const Ranges& ranges, size_t columns,
                            uint32_t* __restrict words) {
  const uint16_t* __restrict v0 = rows[0];
  const uint16_t* __restrict v1 = rows[1];
  const uint16_t* __restrict v2 = rows[2];
  const uint16_t* __restrict v3 = rows[3];
  const float* __restrict middle = ranges.middle;
  const float* __restrict inverse = ranges.value_inverse;
  for (size_t c = 0; c < columns; ++c) {
    const uint32_t b0 = rounded_bits((widened(v0[c]) - middle[c]) * inverse[c]) & 255u;
    const uint32_t b1 = rounded_bits((widened(v1[c]) - middle[c]) * inverse[c]) & 255u;
    const uint32_t b2 = rounded_bits((widened(v2[c]) - middle[c]) * inverse[c]) & 255u;
    const uint32_t b3 = rounded_bits((widened(v3[c]) - middle[c]) * inverse[c]);
    words[c] = b0 | b1 << 8 | b2 << 16 | b3 << 24;
  }
}

/// Of the keys that the mask leaves.
inline void find_ranges(const Attention& a, const Ranges& ranges) {
  float* low = ranges.middle;
  float* high = ranges.value_scale;
  size_t count = 0;
  for (size_t c = 0; c < a.head_size; ++c) ranges.key_mean[c] = 0.0f;
  for (size_t c = 0; c < a.value_size; ++c) {
    low[c] = 3.4e38f;
    high[c] = -3.4e38f;
  }
  for (size_t key = 0; key < a.keys; ++key) {
    if (a.key_mask != nullptr && a.key_mask[key] == 0.0f) continue;
    ++count;
    add_row(row_of(a.k, key, a.ldk), a.head_size, ranges.key_mean);
    extend_range(row_of(a.v, key, a.ldv), a.value_size, low, high);
  }
  const float part = 1.0f / static_cast<float>(count == 0 ? 1 : count);
  for (size_t c = 0; c < a.head_size; ++c) ranges.key_mean[c] *= part;
  for (size_t c = 0; c < a.value_size; ++c) {
    const float half = 0.5f * high[c] - 0.5f * low[c], middle = 0.5f * high[c] + 0.5f * low[c];
    ranges.middle[c] = middle;
    ranges.value_scale[c] = scale_of(half);
    ranges.value_inverse[c] = inverse_scale_of(half);
  }
}

/// What a block's sums are multiplied by, given its min z.
inline void factors_of(const int32_t* __restrict nearest, float* __restrict factors) {
  for (size_t i = 0; i < kTile; ++i) {
    // A product: g++ 12 would rather jump over the exponential, and make no vectors of it.
    factors[i] = factor_of(nearest[i]) * (nearest[i] > kFarthest ? 0.0f : 1.0f);
  }
}

inline void add_sums(const int32_t* __restrict sums, const float* __restrict factors,
                     float* __restrict total) {
  for (size_t i = 0; i < kTile; ++i) {
    total[i] = __builtin_fmaf(static_cast<float>(sums[i]), factors[i], total[i]);
  }
}

/// largest = the larger of itself and the scores, of queries from `hidden` on.
inline void raise_to(const float* __restrict scores, int32_t hidden, float* __restrict largest) {
  for (size_t i = 0; i < kTile; ++i) {
    const float higher = scores[i] > largest[i] ? scores[i] : largest[i];
    largest[i] = static_cast<int32_t>(i) < hidden ? largest[i] : higher;
  }
}

/// Zero stays zero.
inline void invert(const float* __restrict total, float* __restrict inverse) {
  for (size_t i = 0; i < kTile; ++i) {
    const float some = total[i] == 0.0f ? 1.0f : total[i];
    inverse[i] = total[i] == 0.0f ? 0.0f : 1.0f / some;
  }
}

/// Sums of a column -> their mean; queries whose inverse is zero get zeros.
inline void scale_column(const float* __restrict inverse, float scale, float middle,
                         float* __restrict out) {
  for (size_t i = 0; i < kTile; ++i) {
    const float x = __builtin_fmaf(out[i] * inverse[i], scale, middle);
    out[i] = inverse[i] == 0.0f ? 0.0f : x;
  }
}

/// Two columns as the words of a row of bf16.
inline void narrow_two(const float* even, const float* odd, uint32_t* __restrict words) {
  for (size_t i = 0; i < kTile; ++i)
    words[i] = narrowed_bits(even[i]) | narrowed_bits(odd[i]) << 16;
}

/// As kernels/quantize/quantize.h says, into one byte of the words.
inline void add_bytes(const float* __restrict values, float inverse, int zero_point, unsigned shift,
                      uint32_t* __restrict words) {
  for (size_t i = 0; i < kTile; ++i) {
    // Beyond these every zero point clamps; within, the rounding is exact.
    const float t = values[i] * inverse;
    const float high = t < 512.0f ? t : 512.0f;
    const float inside = high > -512.0f ? high : -512.0f;
    const int32_t q = static_cast<int32_t>(round_small(inside)) + zero_point;
    const int32_t least = q < 0 ? 0 : q;
    words[i] |= static_cast<uint32_t>(least > 255 ? 255 : least) << shift;
  }
}

}  // namespace
}  // namespace edgefusion::kernels
