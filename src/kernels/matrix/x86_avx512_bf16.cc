// Rows against a panel with VDPBF16PS: two products a lane, 12 rows x 2 vectors of sums.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/panel_rows.h"

namespace edgefusion::kernels {
namespace avx512_bf16 {
namespace {

constexpr int kRows = 12;
constexpr int kLanes = 16;
constexpr int64_t kPairElements = 2 * kPanelColumns;  // bf16 values of a panel per pair of products

/// Two neighbouring bf16 values; rows need not be aligned to pairs.
inline int load_pair(const char* from) {
  int pair;
  __builtin_memcpy(&pair, from, sizeof(pair));
  return pair;
}

/// The part of the coming weights that one tile fetches, a line at a time.
struct Fetch {
  const char* at = nullptr;
  int64_t step = 0;  ///< bytes per pair of products; may be less than a line
};

template <int kCount>
void multiply_rows(const PanelProduct& product, int64_t row, Fetch fetch) {
  float* sums = product.sums + row * kPanelColumns;
  __m512 sum[kCount][2];
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
    sum[r][0] = product.add ? _mm512_load_ps(sums + r * kPanelColumns) : _mm512_setzero_ps();
    sum[r][1] =
        product.add ? _mm512_load_ps(sums + r * kPanelColumns + kLanes) : _mm512_setzero_ps();
  }
  const uint16_t* panel = product.panel;
  for (int s = 0; s < product.segment_count; ++s) {
    const RowSegment& segment = product.segments[s];
    const char* a[kCount];
#pragma GCC unroll 12
    for (int r = 0; r < kCount; ++r) {
      a[r] = reinterpret_cast<const char*>(segment.rows[row + r] + segment.offset);
    }
    const int64_t bytes = segment.length * 2;
#pragma GCC unroll 2
    for (int64_t at = 0; at < bytes; at += 4, panel += kPairElements) {
      const auto b0 = reinterpret_cast<__m512bh>(_mm512_load_si512(panel));
      const auto b1 = reinterpret_cast<__m512bh>(_mm512_load_si512(panel + kPairElements / 2));
      _mm_prefetch(fetch.at, _MM_HINT_T1);
      fetch.at += fetch.step;
#pragma GCC unroll 12
      for (int r = 0; r < kCount; ++r) {
        const auto left = reinterpret_cast<__m512bh>(_mm512_set1_epi32(load_pair(a[r] + at)));
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], left, b0);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], left, b1);
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
    _mm512_store_ps(sums + r * kPanelColumns, sum[r][0]);
    _mm512_store_ps(sums + r * kPanelColumns + kLanes, sum[r][1]);
  }
}

template <int kCount>
void multiply_few(const PanelProduct& product, int64_t row, int64_t count, Fetch fetch) {
  if constexpr (kCount > 1) {
    if (count < kCount) return multiply_few<kCount - 1>(product, row, count, fetch);
  }
  multiply_rows<kCount>(product, row, fetch);
}

}  // namespace
}  // namespace avx512_bf16

/// Tiles of even height: five rows left over would keep the units half as busy as six.
void multiply_panel_12x32_avx512_bf16(const PanelProduct& product) noexcept {
  using avx512_bf16::kRows;
  const int64_t tiles = (product.rows + kRows - 1) / kRows;
  // Without anything to come the panel itself is asked for again, which costs nothing.
  const char* next =
      static_cast<const char*>(product.next != nullptr ? product.next : product.panel);
  const int64_t share = product.next_bytes / tiles;
  const int64_t step = share * 2 / total_depth(product);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t row = product.rows * tile / tiles;
    const int64_t count = product.rows * (tile + 1) / tiles - row;
    avx512_bf16::multiply_few<kRows>(product, row, count, {next + tile * share, step});
  }
}

}  // namespace edgefusion::kernels

#endif
