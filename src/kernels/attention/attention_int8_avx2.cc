// Attention on 8-bit numbers with VPMADDWD, which adds two products of s16 to each of 8 sums: keys
// and values are kept as s16, queries and weights are widened on the way, even bytes and odd ones.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/attention/attention_int8_lanes-inl.h"

namespace edgefusion::kernels {
namespace {

struct Avx2 {
  static constexpr size_t kLanes = 8;
  static constexpr size_t kCount = 2;
  static constexpr size_t kSums = 8;
  static constexpr bool kSoftensBetween = false;
  static constexpr int kQueryOffset = 128;
  static constexpr int kWeightOffset = 0;
  using Element = int16_t;
  using Sums = __m256i;
  using Floats = __m256;
  using Words = __m256i;
  using Bytes = __m256i;
  struct Operand {
    __m256i even, odd;
  };
  using Broadcast = Operand;

  /// Bytes 0 and 2 of a group, then 1 and 3.
  static void store_groups(int16_t* dst, const uint32_t* four) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(four));
    const __m128i order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
    _mm256_store_si256(reinterpret_cast<__m256i*>(dst),
                       _mm256_cvtepi8_epi16(_mm_shuffle_epi8(bytes, order)));
  }

  template <class T>
  static __m256i load(const T* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }
  template <class T>
  static void store(T* to, __m256i vector) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), vector);
  }

  static Sums broadcast_sum(const int32_t* from) { return _mm256_set1_epi32(*from); }
  static Sums load_sums(const int32_t* from) { return load(from); }
  static void store_sums(int32_t* to, Sums sums) { store(to, sums); }
  static Floats load_floats(const float* from) { return _mm256_load_ps(from); }
  static Floats no_floats() { return _mm256_setzero_ps(); }
  static void store_floats(float* to, Floats x) { _mm256_store_ps(to, x); }
  static Words load_words(const int16_t* from) { return load(from); }
  static void store_words(int16_t* to, Words words) { store(to, words); }
  static void store_weights(uint8_t* to, Bytes bytes) { store(to, bytes); }
  static Operand load_operand(const uint8_t* from) {
    const __m256i bytes = load(from);
    return {_mm256_and_si256(bytes, _mm256_set1_epi16(255)), _mm256_srli_epi16(bytes, 8)};
  }
  static Broadcast load_broadcast(const int16_t* from) {
    int32_t pairs[2];
    __builtin_memcpy(pairs, from, sizeof pairs);
    return {_mm256_set1_epi32(pairs[0]), _mm256_set1_epi32(pairs[1])};
  }
  static Sums dot(Sums sums, Operand u8, Broadcast s8) {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(u8.even, s8.even));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(u8.odd, s8.odd));
  }

  static Words smaller_words(Words a, Words b) { return _mm256_min_epi16(a, b); }
  static Words larger_words(Words a, Words b) { return _mm256_max_epi16(a, b); }
  static Words subtract_words(Words a, Words b) { return _mm256_sub_epi16(a, b); }
  static Words repeat_words(const int16_t* eight) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(eight)));
  }
  static Words fold_words(Words words) {
    return _mm256_min_epi16(words, _mm256_shuffle_epi32(words, 0x4e));
  }
  static Sums widen_words(Words words) {
    return _mm256_srai_epi32(_mm256_unpacklo_epi16(words, words), 16);
  }

  static Floats scores(Sums sums, const float* key_scale, Floats query_scales) {
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(*key_scale));
    return _mm256_mul_ps(scaled, query_scales);
  }
  static __m256i distance(Sums sums, const float* key_scale, Floats query_scales, Floats m) {
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(*key_scale));
    return _mm256_cvtps_epi32(_mm256_fnmadd_ps(scaled, query_scales, m));
  }
  static Words distances(Sums first, Sums second, const float* key_scales, Floats query_scales,
                         Floats m) {
    return _mm256_packs_epi32(distance(first, key_scales, query_scales, m),
                              distance(second, key_scales + 1, query_scales, m));
  }

  /// u16 >> count; AVX2 has no such shift of words.
  static __m256i shift_right(__m256i words, __m256i counts) {
    const __m256i low_half = _mm256_set1_epi32(0xffff);
    const __m256i low =
        _mm256_srlv_epi32(_mm256_and_si256(words, low_half), _mm256_and_si256(counts, low_half));
    const __m256i high =
        _mm256_srlv_epi32(_mm256_srli_epi32(words, 16), _mm256_srli_epi32(counts, 16));
    return _mm256_or_si256(low, _mm256_slli_epi32(high, 16));
  }
  /// In 256ths, with the threshold.
  static __m256i raw_weights(Words z, Words thresholds) {
    const __m256i x = _mm256_slli_epi16(z, 16 - kOctaveBits);
    const auto word = [](uint32_t value) { return _mm256_set1_epi16(static_cast<int16_t>(value)); };
    __m256i sum = _mm256_sub_epi16(word(kSquare), _mm256_mulhi_epu16(x, word(kCube)));
    sum = _mm256_sub_epi16(word(kLinear), _mm256_mulhi_epu16(x, sum));
    sum = _mm256_sub_epi16(word(kFull), _mm256_mulhi_epu16(x, sum));
    return _mm256_add_epi16(shift_right(sum, _mm256_srli_epi16(z, kOctaveBits)), thresholds);
  }
  static Bytes weights(Words first, Words second, Words first_thresholds, Words second_thresholds) {
    const __m256i low = _mm256_srli_epi16(raw_weights(first, first_thresholds), 8);
    const __m256i high = _mm256_and_si256(raw_weights(second, second_thresholds),
                                          _mm256_set1_epi16(static_cast<int16_t>(0xff00)));
    // Keys 0, 2 of four queries, then 1, 3.
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    return _mm256_shuffle_epi8(_mm256_or_si256(low, high), order);
  }
  static Sums sum_weights(Sums sums, Bytes weights) {
    const __m256i pairs = _mm256_maddubs_epi16(weights, _mm256_set1_epi8(1));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static Floats add_scaled(Floats before, Sums sums, Floats factors) {
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), factors, before);
  }

  static void transpose_in(const uint16_t* const rows[kTile], size_t columns, uint32_t* words) {
    transpose_rows(rows, columns, words);
  }
  static void transpose_out(const uint32_t* words, size_t bytes, size_t rows, uint8_t* dst,
                            size_t stride) {
    transpose_words(words, bytes, rows, dst, stride);
  }
};

}  // namespace

AttentionFunctions attention_int8_64_avx2() {
  using Kernel = Stream<Int8Rows<Int8Lanes<Avx2>>>;
  return {Kernel::scratch_floats, Kernel::run, kTile};
}

}  // namespace edgefusion::kernels

#endif  // defined(__x86_64__)
