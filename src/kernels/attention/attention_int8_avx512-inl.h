#pragma once

// The Vector of attention_int8_lanes-inl.h for x86 with AVX512_VNNI. Include it in files compiled
// for such a CPU only.

#include "kernels/attention/attention_avx512-inl.h"
#include "kernels/attention/attention_int8_lanes-inl.h"

namespace edgefusion::kernels {
namespace {

/// Not __m512i: g++ 12 copies every sum back and forth where the intrinsic casts it.
typedef int32_t Int32x16 __attribute__((vector_size(64)));

struct Avx512Vnni {
  static constexpr size_t kLanes = 16;
  static constexpr size_t kCount = 4;
  static constexpr size_t kSums = 16;
  static constexpr bool kSoftensBetween = true;
  static constexpr int kQueryOffset = 128;
  static constexpr int kWeightOffset = 0;
  using Element = int8_t;
  using Sums = Int32x16;
  using Floats = __m512;
  using Operand = __m512i;
  using Broadcast = __m512i;
  using Words = __m512i;
  using Bytes = __m512i;

  static void store_groups(int8_t* dst, const uint32_t* four) { __builtin_memcpy(dst, four, 16); }

  static Sums broadcast_sum(const int32_t* from) { return (Sums)_mm512_set1_epi32(*from); }
  static Sums load_sums(const int32_t* from) { return (Sums)_mm512_load_si512(from); }
  static void store_sums(int32_t* to, Sums sums) { _mm512_store_si512(to, (__m512i)sums); }
  static Floats load_floats(const float* from) { return _mm512_load_ps(from); }
  static Floats no_floats() { return _mm512_setzero_ps(); }
  static void store_floats(float* to, Floats x) { _mm512_store_ps(to, x); }
  static Words load_words(const int16_t* from) { return _mm512_load_si512(from); }
  static void store_words(int16_t* to, Words words) { _mm512_store_si512(to, words); }
  static void store_weights(uint8_t* to, Bytes bytes) { _mm512_store_si512(to, bytes); }
  static Operand load_operand(const uint8_t* from) { return _mm512_load_si512(from); }
  static Broadcast load_broadcast(const int8_t* from) {
    int32_t group;
    __builtin_memcpy(&group, from, sizeof group);
    return _mm512_set1_epi32(group);
  }
  static Sums dot(Sums sums, Operand u8, Broadcast s8) {
    return (Sums)_mm512_dpbusd_epi32((__m512i)sums, u8, s8);
  }

  static Words smaller_words(Words a, Words b) { return _mm512_min_epi16(a, b); }
  static Words larger_words(Words a, Words b) { return _mm512_max_epi16(a, b); }
  static Words subtract_words(Words a, Words b) { return _mm512_sub_epi16(a, b); }
  static Words repeat_words(const int16_t* eight) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(eight)));
  }
  static Words fold_words(Words words) {
    return _mm512_min_epi16(words, _mm512_shuffle_epi32(words, _MM_PERM_BADC));
  }
  static Sums widen_words(Words words) {
    return (Sums)_mm512_srai_epi32(_mm512_unpacklo_epi16(words, words), 16);
  }

  static Floats scores(Sums sums, const float* key_scale, Floats query_scales) {
    const __m512 scaled =
        _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)sums), _mm512_set1_ps(*key_scale));
    return _mm512_mul_ps(scaled, query_scales);
  }
  static __m512i distance(Sums sums, const float* key_scale, Floats query_scales, Floats m) {
    const __m512 scaled =
        _mm512_mul_ps(_mm512_cvtepi32_ps((__m512i)sums), _mm512_set1_ps(*key_scale));
    return _mm512_cvtps_epi32(_mm512_fnmadd_ps(scaled, query_scales, m));
  }
  static Words distances(Sums first, Sums second, const float* key_scales, Floats query_scales,
                         Floats m) {
    return _mm512_packs_epi32(distance(first, key_scales, query_scales, m),
                              distance(second, key_scales + 1, query_scales, m));
  }

  /// In 256ths, with the threshold.
  static __m512i raw_weights(Words z, Words thresholds) {
    const __m512i x = _mm512_slli_epi16(z, 16 - kOctaveBits);
    const auto word = [](uint32_t value) { return _mm512_set1_epi16(static_cast<int16_t>(value)); };
    __m512i sum = _mm512_sub_epi16(word(kSquare), _mm512_mulhi_epu16(x, word(kCube)));
    sum = _mm512_sub_epi16(word(kLinear), _mm512_mulhi_epu16(x, sum));
    sum = _mm512_sub_epi16(word(kFull), _mm512_mulhi_epu16(x, sum));
    const __m512i weights = _mm512_srlv_epi16(sum, _mm512_srli_epi16(z, kOctaveBits));
    return _mm512_add_epi16(weights, thresholds);
  }
  static Bytes weights(Words first, Words second, Words first_thresholds, Words second_thresholds) {
    const __m512i low = _mm512_srli_epi16(raw_weights(first, first_thresholds), 8);
    const __m512i high = raw_weights(second, second_thresholds);
    // (high & 0xff00) | low: keys 0, 2 of four queries, then 1, 3.
    const __m512i both =
        _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi16(static_cast<int16_t>(0xff00)), 0xf8);
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    return _mm512_shuffle_epi8(both, order);
  }
  static Sums sum_weights(Sums sums, Bytes weights) {
    return (Sums)_mm512_dpbusd_epi32((__m512i)sums, weights, _mm512_set1_epi8(1));
  }
  static Floats add_scaled(Floats before, Sums sums, Floats factors) {
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)sums), factors, before);
  }

  static void transpose_in(const uint16_t* const rows[kTile], size_t columns, uint32_t* words) {
    for (size_t r = 0; r < kTile; r += kLanes) {
      for (size_t c = 0; c < columns; c += 32) {
        __m512i v[16];
        for (size_t i = 0; i < 16; ++i) v[i] = load_row(rows[r + i], c, columns);
        transpose(v);
        const size_t pairs = smaller((columns - c + 1) / 2, 16);
        for (size_t i = 0; i < pairs; ++i) {
          _mm512_store_si512(words + (c / 2 + i) * kTile + r, v[i]);
        }
      }
    }
  }
  /// words [bytes / 4, kTile] -> rows of `bytes`.
  static void transpose_out(const uint32_t* words, size_t bytes, size_t rows, uint8_t* dst,
                            size_t stride) {
    for (size_t r = 0; r < rows; r += kLanes) {
      for (size_t c = 0; c < bytes; c += 64) {
        const size_t left = smaller(bytes - c, 64);
        __m512i v[16];
        for (size_t i = 0; i < 16; ++i) {
          v[i] = 4 * i < left ? _mm512_load_si512(words + (c / 4 + i) * kTile + r)
                              : _mm512_setzero_si512();
        }
        transpose(v);
        const __mmask64 mask = left == 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
        for (size_t i = 0; i < 16 && r + i < rows; ++i) {
          _mm512_mask_storeu_epi8(dst + (r + i) * stride + c, mask, v[i]);
        }
      }
    }
  }
};

}  // namespace
}  // namespace edgefusion::kernels
