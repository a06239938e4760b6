#pragma once

#include <cstdint>

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

namespace edgefusion::kernels {

/// A 4x4 patch, 16 values.
inline constexpr int kWinogradPositions = 16;

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

/// sums [position of position_stride][tile][kPanelColumns] of `tiles` tiles side by
/// side -> A^T m A: `lines[0]` and `lines[1]`, each [2 * tiles, kPanelColumns].
struct WinogradOutput {
  const float* sums = nullptr;
  int64_t position_stride = 0;
  int64_t tiles = 0;
  float* lines[2] = {nullptr, nullptr};
};

struct WinogradTransforms {
  void (*input)(const WinogradInput&) noexcept = nullptr;
  void (*output)(const WinogradOutput&) noexcept = nullptr;
};

/// The best for `isa`; plain C++ if it has no vectors.
WinogradTransforms select_winograd_transforms(IsaSet isa);

using WinogradInputFunction = void (*)(const WinogradInput&) noexcept;
using WinogradOutputFunction = void (*)(const WinogradOutput&) noexcept;
HighwayVariants<WinogradInputFunction> winograd_input_variants();
#if defined(__x86_64__)
void winograd_input_avx512_bf16(const WinogradInput& in) noexcept;
#endif
HighwayVariants<WinogradOutputFunction> winograd_output_variants();

}  // namespace edgefusion::kernels
