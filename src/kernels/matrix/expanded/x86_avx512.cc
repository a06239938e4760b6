// s8 and palettes to bf16, neither of which is rounded.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/expanded/expand_rows.h"

namespace edgefusion::kernels {
namespace avx512_expand {
namespace {

constexpr int kRunElements = 128;
constexpr int kRunBytes = 64;    // of four bits a code
constexpr int kPlaneBytes = 16;  // of one bit a code
constexpr int kParts = 4;        // vectors of 32 elements in a run

inline void store(uint16_t* to, __m512i values) { _mm512_store_si512(to, values); }

// ---- s8 ----

/// Sixteen integers as f32.
inline __m512i load_integers(const uint8_t* codes) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
  return _mm512_castps_si512(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
}

/// Indices of the upper halves of 32 values in two vectors.
inline __m512i upper_halves() {
  __m512i index = _mm512_set1_epi32(1 | 3 << 16);
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i fours = _mm512_slli_epi32(lanes, 2);
  index = _mm512_add_epi32(index, fours);
  return _mm512_add_epi32(index, _mm512_slli_epi32(fours, 16));
}

// ---- Palettes ----

/// Sixteen values twice, so that the fifth bit of an index does not matter.
inline __m512i twice(const uint16_t* table) {
  return _mm512_broadcast_i64x4(_mm256_load_si256(reinterpret_cast<const __m256i*>(table)));
}

inline __mmask32 load_plane(const uint8_t* at) {
  uint32_t bits;
  __builtin_memcpy(&bits, at, sizeof(bits));
  return bits;
}

/// A table of 2^kBits values.
template <int kBits>
struct Table {
  __m512i low, high;

  void load(const uint16_t* table) {
    if constexpr (kBits < 6) {
      low = twice(table);
      high = kBits == 5 ? twice(table + 16) : low;
    } else {
      low = _mm512_load_si512(table);
      high = _mm512_load_si512(table + 32);
    }
  }

  /// The lower four bits of each code, with anything above, and the planes of the others.
  __m512i look_up(__m512i codes, const uint8_t* planes) const {
    if constexpr (kBits == 4) return _mm512_permutexvar_epi16(codes, low);
    const __mmask32 bit4 = load_plane(planes);
    if constexpr (kBits == 5) {
      const __m512i found = _mm512_permutexvar_epi16(codes, low);
      return _mm512_mask_permutexvar_epi16(found, bit4, codes, high);
    }
    const __mmask32 bit5 = load_plane(planes + kPlaneBytes);
    __m512i index = _mm512_and_si512(codes, _mm512_set1_epi16(15));
    index = _mm512_mask_add_epi16(index, bit4, index, _mm512_set1_epi16(16));
    const __m512i found = _mm512_permutexvar_epi16(index, low);
    return _mm512_mask_permutexvar_epi16(found, bit5, index, high);
  }
};

template <int kBits>
void expand_codes(const ExpandBlocks& work) {
  Table<kBits> tables[kParts];
  for (int part = 0; part < kParts; ++part) {
    tables[part].load(work.tables + (part % work.table_count << kBits));
  }
  const int64_t runs = work.blocks * kPanelDepth * work.columns / kRunElements;
  const uint8_t* codes = work.codes;
  uint16_t* dst = work.dst;
  for (int64_t run = 0; run < runs; ++run, dst += kRunElements) {
    const __m512i words = _mm512_loadu_si512(codes);
    const uint8_t* planes = codes + kRunBytes;
    _mm_prefetch(codes + kFetchAhead, _MM_HINT_T0);
    store(dst, tables[0].look_up(words, planes));
    store(dst + 32, tables[1].look_up(_mm512_srli_epi16(words, 4), planes + 4));
    store(dst + 64, tables[2].look_up(_mm512_srli_epi16(words, 8), planes + 8));
    store(dst + 96, tables[3].look_up(_mm512_srli_epi16(words, 12), planes + 12));
    codes += kRunBytes + (kBits - 4) * kPlaneBytes;
  }
}

}  // namespace
}  // namespace avx512_expand

void expand_s8_avx512(const ExpandBlocks& work) noexcept {
  using namespace avx512_expand;
  const __m512i upper = upper_halves();
  const uint8_t* codes = work.codes;
  uint16_t* const end = work.dst + work.blocks * kPanelDepth * work.columns;
  for (uint16_t* dst = work.dst; dst < end; dst += 32, codes += 32) {
    _mm_prefetch(codes + kFetchAhead, _MM_HINT_T0);
    const __m512i low = load_integers(codes), high = load_integers(codes + 16);
    store(dst, _mm512_permutex2var_epi16(low, upper, high));
  }
}

void expand_palette_avx512(const ExpandBlocks& work) noexcept {
  switch (work.bits) {
    case 4:
      return avx512_expand::expand_codes<4>(work);
    case 5:
      return avx512_expand::expand_codes<5>(work);
    default:
      return avx512_expand::expand_codes<6>(work);
  }
}

}  // namespace edgefusion::kernels

#endif
