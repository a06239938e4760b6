// Rows against a panel with VPDPBUSD: four products a lane, 12 rows x 2 vectors of sums. The
// instruction wants unsigned rows. Signed ones are moved up by 128 on the way, which adds 128 times
// the sum of a column's weights to each sum: taken off before the first product.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/int8/panel_int8_rows.h"

namespace edgefusion::kernels {
namespace avx512_vnni {
namespace {

constexpr int kRows = 12;
constexpr int kLanes = 16;
constexpr int kGroup = 4;
constexpr int64_t kPanelLine = int64_t{kGroup} * kPanelColumns;

/// What each sum starts from if it does not add to one that is there.
struct Start {
  __m512i columns[2];
};

template <typename Product>
inline constexpr bool kSigned = static_cast<typename Product::Row>(-1) < 0;

template <typename Product>
Start make_start(const Product& product) {
  Start start = {{_mm512_setzero_si512(), _mm512_setzero_si512()}};
  if constexpr (kSigned<Product>) {
    const __m512i offset = _mm512_set1_epi8(static_cast<char>(128));
    int64_t lines = 0;
    for (int s = 0; s < product.segment_count; ++s) lines += product.segments[s].length / kGroup;
    __m512i sum[2] = {start.columns[0], start.columns[1]};
    for (int64_t i = 0; i < lines; ++i) {
      const int8_t* line = product.panel + i * kPanelLine;
      sum[0] = _mm512_dpbusd_epi32(sum[0], offset, _mm512_load_si512(line));
      sum[1] = _mm512_dpbusd_epi32(sum[1], offset, _mm512_load_si512(line + kPanelLine / 2));
    }
    start.columns[0] = _mm512_sub_epi32(start.columns[0], sum[0]);
    start.columns[1] = _mm512_sub_epi32(start.columns[1], sum[1]);
  }
  return start;
}

/// Four neighbours of a row in every lane, unsigned.
template <typename Product>
inline __m512i load_group(const typename Product::Row* from) {
  int group;
  __builtin_memcpy(&group, from, sizeof(group));
  const __m512i values = _mm512_set1_epi32(group);
  if constexpr (!kSigned<Product>) return values;
  return _mm512_xor_si512(values, _mm512_set1_epi8(static_cast<char>(128)));
}

/// The part of the coming weights that one tile fetches, a line at a time.
struct Fetch {
  const char* at = nullptr;
  int64_t step = 0;  ///< bytes per group of products; may be less than a line
};

template <typename Product, int kCount>
void multiply_rows(const Product& product, int64_t row, const Start& start, Fetch fetch) {
  int32_t* sums = product.sums + row * kPanelColumns;
  __m512i sum[kCount][2];
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[r][v] = start.columns[v];
      if (product.add) {
        const __m512i there = _mm512_load_si512(sums + r * kPanelColumns + v * kLanes);
        sum[r][v] = _mm512_add_epi32(sum[r][v], there);
      }
    }
  }
  const int8_t* panel = product.panel;
  for (int s = 0; s < product.segment_count; ++s) {
    const auto& segment = product.segments[s];
    const typename Product::Row* a[kCount];
#pragma GCC unroll 12
    for (int r = 0; r < kCount; ++r) a[r] = segment.rows[row + r] + segment.offset;
#pragma GCC unroll 2
    for (int64_t k = 0; k < segment.length; k += kGroup, panel += kPanelLine) {
      const __m512i b0 = _mm512_load_si512(panel);
      const __m512i b1 = _mm512_load_si512(panel + kPanelLine / 2);
      _mm_prefetch(fetch.at, _MM_HINT_T1);
      fetch.at += fetch.step;
#pragma GCC unroll 12
      for (int r = 0; r < kCount; ++r) {
        const __m512i left = load_group<Product>(a[r] + k);
        sum[r][0] = _mm512_dpbusd_epi32(sum[r][0], left, b0);
        sum[r][1] = _mm512_dpbusd_epi32(sum[r][1], left, b1);
      }
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kCount; ++r) {
    _mm512_store_si512(sums + r * kPanelColumns, sum[r][0]);
    _mm512_store_si512(sums + r * kPanelColumns + kLanes, sum[r][1]);
  }
}

template <typename Product, int kCount>
void multiply_few(const Product& product, int64_t row, int64_t count, const Start& start,
                  Fetch fetch) {
  if constexpr (kCount > 1) {
    if (count < kCount) {
      return multiply_few<Product, kCount - 1>(product, row, count, start, fetch);
    }
  }
  multiply_rows<Product, kCount>(product, row, start, fetch);
}

/// Tiles of even height: five rows left over would keep the units half as busy as six.
template <typename Product>
void multiply(const Product& product) {
  const Start start = make_start(product);
  const int64_t tiles = (product.rows + kRows - 1) / kRows;
  // Without anything to come the panel itself is asked for again, which costs nothing.
  const char* next = product.next != nullptr ? static_cast<const char*>(product.next)
                                             : reinterpret_cast<const char*>(product.panel);
  const int64_t share = product.next_bytes / tiles;
  const int64_t step = share * kGroup / total_depth(product);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t row = product.rows * tile / tiles;
    const int64_t count = product.rows * (tile + 1) / tiles - row;
    multiply_few<Product, kRows>(product, row, count, start, {next + tile * share, step});
  }
}

}  // namespace
}  // namespace avx512_vnni

void multiply_int8_avx512_vnni(const PanelProductU8& product) noexcept {
  avx512_vnni::multiply(product);
}

void multiply_int8_avx512_vnni(const PanelProductS8& product) noexcept {
  avx512_vnni::multiply(product);
}

}  // namespace edgefusion::kernels

#endif
