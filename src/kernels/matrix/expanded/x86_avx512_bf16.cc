// Weights of few bits to bf16 for CPUs that round to bf16 in one instruction.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/expanded/expand_rows.h"

namespace edgefusion::kernels {
namespace avx512_bf16_expand {
namespace {

constexpr int kRunElements = 128;
constexpr int kRunBytes = 64;    // of four bits a code
constexpr int kPlaneBytes = 16;  // of one bit a code
constexpr int kParts = 4;        // vectors of 32 elements in a run

inline void store(uint16_t* to, __m512i values) { _mm512_store_si512(to, values); }

// ---- s4 ----

inline __m512 load_scales(const ExpandBlocks& work, int64_t at, __mmask16 mask) {
  if (!work.half_scales) {
    return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(work.scales) + at);
  }
  const auto* halves = static_cast<const uint16_t*>(work.scales) + at;
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, halves));
}

/// The scales of a block in the order of slots. Columns and groups are powers of two.
class SlotScales {
 public:
  explicit SlotScales(const ExpandBlocks& work) : work_(work) {
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const int of_column = work.group / 2, period = work.columns * of_column;
    for (int part = 0; part < kParts; ++part) {
      const __m512i slot = _mm512_add_epi32(lanes, _mm512_set1_epi32(part * kSlots));
      const __m512i in_period = _mm512_and_si512(slot, _mm512_set1_epi32(period - 1));
      column_[part] = _mm512_srlv_epi32(in_period, _mm512_set1_epi32(__builtin_ctz(of_column)));
    }
  }

  void find(int64_t block, __m512* scales) const {
    const int64_t at = (work_.first + block) / work_.scale_blocks * work_.columns;
    const bool few = work_.columns < kSlots;
    const __m512 low = load_scales(work_, at, few ? 0xf : 0xffff);
    const __m512 high = few ? low : load_scales(work_, at + kSlots, 0xffff);
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
      scales[part] = _mm512_permutex2var_ps(low, column_[part], high);
    }
  }

 private:
  const ExpandBlocks& work_;
  __m512i column_[kParts];
};

template <int kPart>
inline __m512i expand_words(__m512i words, __m512 scale, __m512 integers) {
  const __m512i even_code = _mm512_srli_epi32(words, 8 * kPart);
  const __m512i odd_code = _mm512_srli_epi32(words, 8 * kPart + 4);
  const __m512 even = _mm512_mul_ps(_mm512_permutexvar_ps(even_code, integers), scale);
  const __m512 odd = _mm512_mul_ps(_mm512_permutexvar_ps(odd_code, integers), scale);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
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
    store(dst, tables[0].look_up(words, planes));
    store(dst + 32, tables[1].look_up(_mm512_srli_epi16(words, 4), planes + 4));
    store(dst + 64, tables[2].look_up(_mm512_srli_epi16(words, 8), planes + 8));
    store(dst + 96, tables[3].look_up(_mm512_srli_epi16(words, 12), planes + 12));
    codes += kRunBytes + (kBits - 4) * kPlaneBytes;
  }
}

}  // namespace
}  // namespace avx512_bf16_expand

void expand_s8_avx512_bf16(const ExpandBlocks& work) noexcept {
  const auto* codes = reinterpret_cast<const __m128i*>(work.codes);
  uint16_t* const end = work.dst + work.blocks * kPanelDepth * work.columns;
  for (uint16_t* dst = work.dst; dst < end; dst += 32, codes += 2) {
    const __m512 low = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(codes)));
    const __m512 high = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(codes + 1)));
    avx512_bf16_expand::store(dst, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
  }
}

void expand_s4_avx512_bf16(const ExpandBlocks& work) noexcept {
  using namespace avx512_bf16_expand;
  const __m512 integers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1);
  // Lower halves of the result come from one source, upper halves from the other.
  const __m512i pairs = _mm512_or_si512(
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
      _mm512_slli_epi32(
          _mm512_setr_epi32(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31), 16));
  const int64_t runs = kPanelDepth * work.columns / kRunElements;
  const uint8_t* codes = work.codes;
  uint16_t* dst = work.dst;
  const SlotScales slot_scales(work);
  for (int64_t block = 0; block < work.blocks; ++block) {
    __m512 scales[kParts];
    slot_scales.find(block, scales);
    for (int64_t run = 0; run < runs; ++run, codes += kRunBytes, dst += kRunElements) {
      const __m512i words = _mm512_loadu_si512(codes);
      const __m512i parts[kParts] = {
          expand_words<0>(words, scales[0], integers), expand_words<1>(words, scales[1], integers),
          expand_words<2>(words, scales[2], integers), expand_words<3>(words, scales[3], integers)};
#pragma GCC unroll 4
      for (int part = 0; part < kParts; ++part) {
        store(dst + 32 * part, _mm512_permutexvar_epi16(pairs, parts[part]));
      }
    }
  }
}

void expand_palette_avx512_bf16(const ExpandBlocks& work) noexcept {
  switch (work.bits) {
    case 4:
      return avx512_bf16_expand::expand_codes<4>(work);
    case 5:
      return avx512_bf16_expand::expand_codes<5>(work);
    default:
      return avx512_bf16_expand::expand_codes<6>(work);
  }
}

}  // namespace edgefusion::kernels

#endif
