#pragma once

#include <cstdint>

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

namespace edgefusion::kernels {

// The transforms of F(2x2, 3x3) and F(4x4, 3x3): a tile of m x m outputs comes from a patch of
// (m + 2) x (m + 2) pixels. Points 0, 1, -1, infinity for m = 2; for m = 4 0, +-5/8, +-3/2,
// infinity, whose rounding error is less than half of that of the usual 0, +-1, +-2.

constexpr int winograd_patch(int outputs) { return outputs + 2; }
constexpr int winograd_positions(int outputs) {
  return winograd_patch(outputs) * winograd_patch(outputs);
}

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

/// The best for `isa`, plain C++ if it has no vectors. outputs: 2 or 4.
WinogradTransforms select_winograd_transforms(IsaSet isa, int outputs);

HighwayVariants<WinogradInputFunction> winograd_input_variants(int outputs);
HighwayVariants<WinogradOutputFunction> winograd_output_variants(int outputs);

/// G g G^T of one filter: 9 taps -> (outputs + 2)^2 positions.
void winograd_filter(int outputs, const float* taps, float* positions);

}  // namespace edgefusion::kernels
