#pragma once

// Loads and transposes for attention kernels of x86 with AVX-512. Include it in files compiled for
// such a CPU only.

#include <immintrin.h>

#include "kernels/attention/attention_stream-inl.h"

namespace edgefusion::kernels {
namespace {

constexpr size_t kLanes = 16;

/// Transposes the 4x4 blocks of 32-bit lanes that v[0..3] hold side by side.
inline void transpose_blocks(__m512i v[4]) {
  const __m512i low01 = _mm512_unpacklo_epi32(v[0], v[1]);
  const __m512i high01 = _mm512_unpackhi_epi32(v[0], v[1]);
  const __m512i low23 = _mm512_unpacklo_epi32(v[2], v[3]);
  const __m512i high23 = _mm512_unpackhi_epi32(v[2], v[3]);
  v[0] = _mm512_unpacklo_epi64(low01, low23);
  v[1] = _mm512_unpackhi_epi64(low01, low23);
  v[2] = _mm512_unpacklo_epi64(high01, high23);
  v[3] = _mm512_unpackhi_epi64(high01, high23);
}

inline __mmask32 first_of_32(size_t count) {
  return count >= 32 ? 0xffffffffu : (1u << count) - 1u;
}

/// Elements [column, column + 32) of a row of `count`, zeros beyond it; null: zeros.
inline __m512i load_row(const uint16_t* row, size_t column, size_t count) {
  // A masked load reads nothing where the mask is clear, but some CPUs take hundreds of cycles to
  // find that out at an address that is not there.
  if (row == nullptr || column >= count) return _mm512_setzero_si512();
  return _mm512_maskz_loadu_epi16(first_of_32(count - column), row + column);
}

/// v[i] lane b <-> v[b] lane i, lanes of 128 bits.
inline void transpose_lanes(__m512i v[4]) {
  const __m512i low01 = _mm512_shuffle_i32x4(v[0], v[1], 0x44);   // a0 a1 b0 b1
  const __m512i high01 = _mm512_shuffle_i32x4(v[0], v[1], 0xee);  // a2 a3 b2 b3
  const __m512i low23 = _mm512_shuffle_i32x4(v[2], v[3], 0x44);
  const __m512i high23 = _mm512_shuffle_i32x4(v[2], v[3], 0xee);
  v[0] = _mm512_shuffle_i32x4(low01, low23, 0x88);
  v[1] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
  v[2] = _mm512_shuffle_i32x4(high01, high23, 0x88);
  v[3] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
}

/// Transposes 16x16 lanes of 32 bits.
inline void transpose(__m512i v[16]) {
  for (size_t r = 0; r < 16; r += 4) transpose_blocks(v + r);
  for (size_t i = 0; i < 4; ++i) {
    __m512i quad[4] = {v[i], v[4 + i], v[8 + i], v[12 + i]};
    transpose_lanes(quad);
    for (size_t b = 0; b < 4; ++b) v[4 * b + i] = quad[b];
  }
  // Now v[4 b + i] holds what stood in lane 4 b + i.
}

}  // namespace
}  // namespace edgefusion::kernels
