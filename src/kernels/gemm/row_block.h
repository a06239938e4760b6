#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/epilogue.h"
#include "kernels/gemm/gemm.h"
#include "kernels/highway_dispatch.h"

// What gemm and conv share: the innermost job, done by one function per ISA and weight dtype, and
// the loops around it, which no ISA changes.

namespace edgefusion::kernels {

/// Products one pass over a panel may hold: 320 x 32 f32 columns are 40 KiB, the L1 of AVX-512 CPUs
/// holds 32 to 48, and L2 keeps up where it does not fit.
inline constexpr int64_t kMaxBlockDepth = 320;
inline constexpr int kMaxBlockSegments = 32;

/// A run of products whose left values for row r are rows[r][offset], rows[r][offset + 1], ...
struct DepthSegment {
  const float* const* rows = nullptr;
  int64_t offset = 0;
  int64_t length = 0;
};

/// Some rows x one panel x the products of one depth block.
struct RowBlock {
  const DepthSegment* segments = nullptr;
  int segment_count = 0;
  int64_t depth = 0;  ///< sum of the segments' lengths
  int64_t rows = 0;
  const void* panel = nullptr;       ///< packed weights at the first product of this block
  const void* next_panel = nullptr;  ///< what comes next, to be fetched meanwhile; may be null
  float* expanded = nullptr;         ///< room for kMaxBlockDepth rows of the panel in f32
  int columns = 0;                   ///< of the panel, those that exist
  bool first = false;                ///< sums start at the bias, else at what dst holds
  bool last = false;                 ///< sums are complete: finish them
  float* dst = nullptr;
  int64_t dst_stride = 0;
  Epilogue epilogue;  ///< bias and residual already point at this block
};

using RowBlockFunction = void (*)(const RowBlock&) noexcept;

/// The matrix product behind a gemm or a convolution: per tap, the channels of up to two sources.
struct BlockedProduct {
  int64_t taps = 1;
  int64_t channels[2] = {0, 0};
  const void* packed_weights = nullptr;
  DType weights = DType::f32;
  int64_t outputs = 0;
  float* dst = nullptr;
  int64_t dst_stride = 0;
  Epilogue epilogue;

  int sources() const { return channels[1] > 0 ? 2 : 1; }
  int64_t depth() const { return taps * (channels[0] + channels[1]); }
};

/// Tells where the rows [row_begin, row_begin + rows) lie:
/// tables[(source * taps + tap) * block_rows + r] = first channel of that row's value.
struct RowFinder {
  void (*find)(const void* context, int64_t row_begin, int64_t rows,
               const float** tables) = nullptr;
  const void* context = nullptr;
};

/// Work memory of one call, cut from the caller's scratch.
struct BlockScratch {
  float* expanded = nullptr;       ///< [kMaxBlockDepth, columns]
  const float** tables = nullptr;  ///< [sources * taps * block_rows]
};

constexpr int64_t expanded_elements(const Tile& tile) { return kMaxBlockDepth * tile.columns; }

/// Computes `range` of the product, block by block.
void run_blocked(const BlockedProduct& product, const GemmRange& range, const RowFinder& finder,
                 const BlockScratch& scratch, const Tile& tile, RowBlockFunction block);

/// The vector ISAs that have a row-block function, cheapest first.
struct BlockIsa {
  std::string_view name;
  IsaSet needs;
  Tile tile;
  double cost;  ///< cycles per 1000 products, two fused multiply-adds a cycle (one before AVX2)
  RowBlockFunction HighwayVariants<RowBlockFunction>::*variant;
};

// Tiles: rows x two vectors of sums, what the registers hold. 264 rows x 320 products of src are
// 330 KiB, which stays in L2 while all panels pass by; 264 is a multiple of every tile's rows.
inline constexpr Tile kTileAvx512{12, 32, 264};
inline constexpr Tile kTileAvx2{6, 16, 264};
inline constexpr Tile kTileSse4{6, 8, 264};
inline constexpr Tile kTileNeon{12, 8, 264};
inline constexpr std::array<BlockIsa, 4> kBlockIsas = {{
    {"avx512", Isa::avx512, kTileAvx512, 32, &HighwayVariants<RowBlockFunction>::avx512},
    {"avx2", Isa::avx2, kTileAvx2, 64, &HighwayVariants<RowBlockFunction>::avx2},
    {"neon", Isa::neon, kTileNeon, 128, &HighwayVariants<RowBlockFunction>::neon},
    {"sse4", Isa::sse4, kTileSse4, 256, &HighwayVariants<RowBlockFunction>::sse4},
}};

/// The row-block functions for weights stored as f32, f16 or bf16.
HighwayVariants<RowBlockFunction> row_block_variants(DType weights);

/// "gemm_f32f16f32_12x32_avx512"
std::string kernel_name(std::string_view op, DType weights, const Tile& tile, std::string_view isa);

}  // namespace edgefusion::kernels
