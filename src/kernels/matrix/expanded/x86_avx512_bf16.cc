// s4 to bf16 for CPUs that round to bf16 in one instruction.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/expanded/expand_rows.h"

namespace edgefusion::kernels {
namespace avx512_bf16_expand {
namespace {

constexpr int kRunElements = 128;
constexpr int kRunBytes = 64;  // of four bits a code
constexpr int kParts = 4;      // vectors of 32 elements in a run

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

}  // namespace
}  // namespace avx512_bf16_expand

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
      _mm_prefetch(codes + kFetchAhead, _MM_HINT_T0);
      const __m512i parts[kParts] = {
          expand_words<0>(words, scales[0], integers), expand_words<1>(words, scales[1], integers),
          expand_words<2>(words, scales[2], integers), expand_words<3>(words, scales[3], integers)};
#pragma GCC unroll 4
      for (int part = 0; part < kParts; ++part) {
        _mm512_store_si512(dst + 32 * part, _mm512_permutexvar_epi16(pairs, parts[part]));
      }
    }
  }
}

}  // namespace edgefusion::kernels

#endif
