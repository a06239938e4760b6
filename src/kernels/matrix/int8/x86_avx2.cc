// Rows against a panel with VPMADDWD: two products of s16 a lane. VPMADDUBSW, four products of
// bytes and half the work, would clip pairs beyond s16. Rows are widened once for all panels,
// weights on the way: 6 rows x 2 vectors of sums.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/int8/panel_int8_rows.h"
#include "kernels/matrix/int8/widened_rows-inl.h"

namespace edgefusion::kernels {
namespace avx2_int8 {
namespace {

constexpr int kRows = 6;
constexpr int kLanes = 8;
constexpr int kWidth = 2 * kLanes;  ///< columns of a pass
constexpr int64_t kGroup = 2;
constexpr int64_t kPanelLine = kGroup * kPanelColumns;

inline __m256i widen(const int8_t* weights) {
  return _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(weights)));
}

template <int kCount>
void multiply_rows(const int16_t* rows, int64_t depth, const int8_t* panel, bool add,
                   int32_t* sums) {
  __m256i sum[kCount][2];
#pragma GCC unroll 6
  for (int r = 0; r < kCount; ++r) {
    const auto* from = reinterpret_cast<const __m256i*>(sums + r * kPanelColumns);
    sum[r][0] = add ? _mm256_load_si256(from) : _mm256_setzero_si256();
    sum[r][1] = add ? _mm256_load_si256(from + 1) : _mm256_setzero_si256();
  }
  for (int64_t k = 0; k < depth; k += kGroup, panel += kPanelLine) {
    const __m256i b0 = widen(panel), b1 = widen(panel + kGroup * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < kCount; ++r) {
      int pair;
      __builtin_memcpy(&pair, rows + r * depth + k, sizeof(pair));
      const __m256i left = _mm256_set1_epi32(pair);
      sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(left, b0));
      sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(left, b1));
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kCount; ++r) {
    auto* to = reinterpret_cast<__m256i*>(sums + r * kPanelColumns);
    _mm256_store_si256(to, sum[r][0]);
    _mm256_store_si256(to + 1, sum[r][1]);
  }
}

template <typename Product>
void multiply(const Product& product) {
  const int64_t depth = total_depth(product);
  const auto* prepared = static_cast<const int16_t*>(product.prepared);
  for (int column = 0; column < kPanelColumns; column += kWidth) {
    const int8_t* panel = product.panel + column * kGroup;
    int64_t row = 0;
    for (; row + kRows <= product.rows; row += kRows) {
      multiply_rows<kRows>(prepared + row * depth, depth, panel, product.add,
                           product.sums + row * kPanelColumns + column);
    }
    for (; row < product.rows; ++row) {
      multiply_rows<1>(prepared + row * depth, depth, panel, product.add,
                       product.sums + row * kPanelColumns + column);
    }
  }
}

}  // namespace
}  // namespace avx2_int8

void multiply_int8_avx2(const PanelProductU8& product) noexcept { avx2_int8::multiply(product); }
void multiply_int8_avx2(const PanelProductS8& product) noexcept { avx2_int8::multiply(product); }

void prepare_int8_avx2(const PanelProductU8& product, void* prepared) noexcept {
  widen_rows(product, prepared);
}

void prepare_int8_avx2(const PanelProductS8& product, void* prepared) noexcept {
  widen_rows(product, prepared);
}

size_t prepared_bytes_int8_avx2(int64_t rows, int64_t depth) noexcept {
  return widened_bytes(rows, depth);
}

}  // namespace edgefusion::kernels

#endif
