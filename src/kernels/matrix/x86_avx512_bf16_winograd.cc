// Winograd's input transform with the conversion instruction of AVX-512 BF16: half the work of the
// portable one, which rounds with integers.

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/matrix/winograd_transform.h"

namespace edgefusion::kernels {
namespace avx512_bf16_winograd {
namespace {

constexpr int64_t kLanes = 16;

inline void transform_line(__m512& a, __m512& b, __m512& c, __m512& e) {
  const __m512 first = _mm512_sub_ps(a, c), second = _mm512_add_ps(b, c);
  const __m512 third = _mm512_sub_ps(c, b), fourth = _mm512_sub_ps(b, e);
  a = first;
  b = second;
  c = third;
  e = fourth;
}

/// The channels in `mask`, from c on, of one tile.
inline void transform_channels(const WinogradInput& in, int64_t tile, int64_t c, __mmask16 mask) {
  __m512 patch[4][4];
#pragma GCC unroll 16
  for (int p = 0; p < kWinogradPositions; ++p) {
    const __m256i bits = _mm256_maskz_loadu_epi16(mask, in.pixels[p * in.table_rows + tile] + c);
    patch[p / 4][p % 4] = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
#pragma GCC unroll 4
  for (int x = 0; x < 4; ++x) transform_line(patch[0][x], patch[1][x], patch[2][x], patch[3][x]);
#pragma GCC unroll 4
  for (int y = 0; y < 4; ++y) transform_line(patch[y][0], patch[y][1], patch[y][2], patch[y][3]);
  uint16_t* dst = in.dst + tile * in.tile_stride + c;
#pragma GCC unroll 16
  for (int p = 0; p < kWinogradPositions; ++p) {
    const auto rounded = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(patch[p / 4][p % 4]));
    _mm256_mask_storeu_epi16(dst + p * in.position_stride, mask, rounded);
  }
}

}  // namespace
}  // namespace avx512_bf16_winograd

void winograd_input_avx512_bf16(const WinogradInput& in) noexcept {
  using avx512_bf16_winograd::kLanes;
  constexpr __mmask16 kAll = 0xffff;
  for (int64_t tile = 0; tile < in.tiles; ++tile) {
    int64_t c = 0;
    for (; c + kLanes <= in.channels; c += kLanes) {
      avx512_bf16_winograd::transform_channels(in, tile, c, kAll);
    }
    if (c == in.channels) continue;
    const auto rest = static_cast<__mmask16>((1u << (in.channels - c)) - 1);
    avx512_bf16_winograd::transform_channels(in, tile, c, rest);
  }
}

}  // namespace edgefusion::kernels

#endif
