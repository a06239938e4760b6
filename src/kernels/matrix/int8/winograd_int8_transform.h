#pragma once

#include <cstdint>

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

// The transforms of Winograd's F(2x2, 3x3) around exact products of 8 bits. Patches as in
// winograd_transform.h: 4, or 3 for a picture enlarged by two. The latter knows positions 0, 1 and
// 3 of the former's lines alone, as the values at position 2 would be zero, and gives the same
// results bit for bit.
//
// Values: v = B^T d B, by columns first, then by lines,
//   line of 4:  d0 - d2, d1 + d2, d2 - d1, d1 - d3        of 3 (a b b c):  d0 - d1, d1 + d1, d1 -
//   d2
// and are stored as u8 with 128 added to q:
//   u8   d = in - zero_point; v and the rest in integers of 16 bits,
//        q = clamp((v * multiplier + 2^14) >> 15, -127, 127), multiplier = position_inverse_scale
//        in units of 2^-15. From 1 on it stays 1 (less 2^-15), at which q is v itself: finer steps
//        than those of v would hold nothing more.
//   bf16 d in f32, q = nearbyint(clamp((v * inverse_scale[c]) * position_inverse_scale[p])), of NaN
//        0. What is added is not fused with what is multiplied.
//
// Sums: s = float(sum + offset[c]) * scale[c], then A^T s A by columns first, then by lines,
//   line of 4:  (s0 + s1) + s2, (s1 - s2) - s3            of 3:  s0 + s1, s1 - s2

namespace edgefusion::kernels {

/// How the values of each of a patch's positions are quantised; filled by winograd_int8_scales().
struct WinogradInt8Scales {
  static constexpr int kMost = 16;
  int16_t multiplier[kMost];   ///< of u8 values
  float inverse_scale[kMost];  ///< of bf16 values
  float scale[kMost];          ///< what a step of q is worth
};

/// position_inverse_scale [16], by 4 * y + x of a patch of 4; positive, finite.
WinogradInt8Scales winograd_int8_scales(int patch, bool u8, const float* position_inverse_scale);

/// Position p = patch * y + x of a patch as one of the 16 of a patch of 4.
constexpr int winograd_int8_position(int patch, int p) {
  if (patch == 4) return p;
  constexpr int kPlace[3] = {0, 1, 3};
  return 4 * kPlace[p / 3] + kPlace[p % 3];
}

/// Patch pixel p of tile t starts at pixels[p * table_rows + t]; position p of its transform goes
/// to dst[p * position_stride + t * tile_stride].
template <typename Value>
struct WinogradInt8Input {
  const Value* const* pixels = nullptr;  ///< u8 or bf16
  int64_t table_rows = 0;
  int64_t tiles = 0;
  int64_t channels = 0;
  int zero_point = 0;                    ///< of u8 pixels
  const float* inverse_scale = nullptr;  ///< of bf16 pixels: [channels]
  const WinogradInt8Scales* scales = nullptr;
  uint8_t* dst = nullptr;
  int64_t position_stride = 0, tile_stride = 0;
};

/// sums [position of position_stride][tile][kPanelColumns] of `tiles` tiles side by side ->
/// lines[y] is line y of their outputs, [2 * tiles, kPanelColumns].
struct WinogradInt8Output {
  const int32_t* sums = nullptr;
  int64_t position_stride = 0;
  int64_t tiles = 0;
  const int32_t* offsets = nullptr;  ///< [position][kPanelColumns], as the scales
  const float* scales = nullptr;     ///< of a position's sums; all 64-byte aligned
  float* const* lines = nullptr;
};

struct WinogradInt8Transforms {
  void (*input_u8)(const WinogradInt8Input<uint8_t>&) noexcept = nullptr;
  void (*input_bf16)(const WinogradInt8Input<uint16_t>&) noexcept = nullptr;
  void (*output)(const WinogradInt8Output&) noexcept = nullptr;
};

/// The best for `isa`, plain C++ if it has no vectors. patch: 3 or 4.
WinogradInt8Transforms select_winograd_int8_transforms(IsaSet isa, int patch);

using MakeWinogradInt8Transforms = WinogradInt8Transforms (*)(int patch);
HighwayVariants<MakeWinogradInt8Transforms> winograd_int8_transform_variants();

/// 4 G g G^T of one filter, which is exact: 9 taps -> patch^2 positions.
void winograd_int8_filter(int patch, const int8_t* taps, int32_t* positions);

}  // namespace edgefusion::kernels
