#pragma once

#include <cstdint>

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

namespace edgefusion::kernels {

// The transforms are named by the side of the patch of pixels that a tile of outputs comes from:
//   4  F(2x2, 3x3), points 0, 1, -1, infinity
//   6  F(4x4, 3x3), points 0, +-5/8, +-3/2, infinity, whose rounding error is less than half of
//      that of the usual 0, +-1, +-2
//   3  2x2 outputs over a picture enlarged by two (nearest), from its pixels before that: the four
//      pixels of a line are a, b, b, c, and the product at point -1 of F(2x2, 3x3) is always zero.

constexpr int winograd_outputs(int patch) { return patch == 6 ? 4 : 2; }
constexpr int winograd_positions(int patch) { return patch * patch; }

/// Patch pixel p of tile t starts at pixels[p * table_rows + t]; its transform (B^T d B, rounded to
/// bf16) goes to dst[p * position_stride + t * tile_stride].
struct WinogradInput {
  const uint16_t* const* pixels = nullptr;
  int64_t table_rows = 0;
  int64_t tiles = 0;
  int64_t channels = 0;
  uint16_t* dst = nullptr;
  int64_t position_stride = 0, tile_stride = 0;
};

/// sums [position of position_stride][tile][kPanelColumns] of `tiles` tiles side by side ->
/// A^T s A: lines[y] is line y of their outputs, [outputs * tiles, kPanelColumns].
struct WinogradOutput {
  const float* sums = nullptr;
  int64_t position_stride = 0;
  int64_t tiles = 0;
  float* const* lines = nullptr;
};

using WinogradInputFunction = void (*)(const WinogradInput&) noexcept;
using WinogradOutputFunction = void (*)(const WinogradOutput&) noexcept;

struct WinogradTransforms {
  WinogradInputFunction input = nullptr;
  WinogradOutputFunction output = nullptr;
};

/// The best for `isa`, plain C++ if it has no vectors. patch: 3, 4 or 6.
WinogradTransforms select_winograd_transforms(IsaSet isa, int patch);

HighwayVariants<WinogradInputFunction> winograd_input_variants(int patch);
HighwayVariants<WinogradOutputFunction> winograd_output_variants(int patch);

/// G g G^T of one filter: 9 taps -> patch^2 positions.
void winograd_filter(int patch, const float* taps, float* positions);

}  // namespace edgefusion::kernels
