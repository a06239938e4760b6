// Layers of a few outputs (pictures, latents): the products of one sum lie in the lanes, so that no
// column is computed that does not exist.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/panel_rows.h"

namespace edgefusion::kernels {
namespace avx512_bf16_few {
namespace {

constexpr int kRows = 4;
constexpr int kGroup = 32;  // bf16 values of a vector

template <int kCount>
void multiply_rows(const PanelProduct& product, int64_t row) {
  __m512 sum[kCount][kFewColumns];
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < kFewColumns; ++c) sum[r][c] = _mm512_setzero_ps();
  }
  const uint16_t* panel = product.panel;
  for (int s = 0; s < product.segment_count; ++s) {
    const RowSegment& segment = product.segments[s];
    for (int64_t k = 0; k < segment.length; k += kGroup, panel += kGroup * kFewColumns) {
      __m512bh weights[kFewColumns];
#pragma GCC unroll 4
      for (int c = 0; c < kFewColumns; ++c) {
        weights[c] = reinterpret_cast<__m512bh>(_mm512_load_si512(panel + c * kGroup));
      }
#pragma GCC unroll 4
      for (int r = 0; r < kCount; ++r) {
        const uint16_t* from = segment.rows[row + r] + segment.offset + k;
        const auto left = reinterpret_cast<__m512bh>(_mm512_loadu_si512(from));
#pragma GCC unroll 4
        for (int c = 0; c < kFewColumns; ++c) {
          sum[r][c] = _mm512_dpbf16_ps(sum[r][c], left, weights[c]);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kCount; ++r) {
    float* sums = product.sums + (row + r) * kPanelColumns;
#pragma GCC unroll 4
    for (int c = 0; c < kFewColumns; ++c) {
      sums[c] = _mm512_reduce_add_ps(sum[r][c]) + (product.add ? sums[c] : 0.0f);
    }
  }
}

}  // namespace
}  // namespace avx512_bf16_few

void multiply_panel_4x4_avx512_bf16(const PanelProduct& product) noexcept {
  int64_t row = 0;
  for (; row + avx512_bf16_few::kRows <= product.rows; row += avx512_bf16_few::kRows) {
    avx512_bf16_few::multiply_rows<avx512_bf16_few::kRows>(product, row);
  }
  for (; row < product.rows; ++row) avx512_bf16_few::multiply_rows<1>(product, row);
}

}  // namespace edgefusion::kernels

#endif
