#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/cpu_features.h"
#include "core/dtype.h"
#include "kernels/epilogue.h"
#include "kernels/packed_weights.h"
#include "kernels/registry.h"

// The contract of the gemm family:
//
//   dst[m,n] = epilogue(bias[n] + sum_k src[m,k] * weights[n,k])      M, N, K = rows, outputs,
//   depth
//
// src and dst are row-major; weights come packed by the same row's layout. Weights in half
// precision expand to f32 exactly, in cache. The order of every sum is fixed by
// the sizes (k ascending from bias[n]; in panels of very few columns, interleaved partial sums), so
// a result does not depend on how rows and panels are split among calls. NaN and infinity
// propagate.

namespace edgefusion::kernels {

struct GemmTypes {
  DType weights = DType::f32;  ///< f32, f16 or bf16; src, dst and sums are f32
  bool operator==(const GemmTypes&) const = default;
};

/// One matrix product, of which a call computes a rectangle. `dst` overlaps no input.
struct GemmArgs {
  const float* src = nullptr;  ///< [rows, depth]
  int64_t src_stride = 0;      ///< elements from one row to the next
  const void* packed_weights = nullptr;
  float* dst = nullptr;  ///< [rows, outputs]
  int64_t dst_stride = 0;
  int64_t outputs = 0;
  int64_t depth = 0;
  Epilogue epilogue;
};

/// Rows [row_begin, row_end) of the panels [panel_begin, panel_end): what one call computes. Any
/// split is right; row counts that are multiples of Tile::block_rows are the fastest.
struct GemmRange {
  int64_t row_begin = 0, row_end = 0;
  int64_t panel_begin = 0, panel_end = 0;
};

struct Tile {
  int rows = 1;        ///< of the innermost kernel
  int columns = 1;     ///< of a panel
  int block_rows = 1;  ///< rows for which an expanded panel is reused
};

/// scratch: 64-byte aligned, of the size the row asks for, used by one call at a time.
using GemmFunction = void (*)(const GemmArgs&, const GemmRange&, void* scratch) noexcept;

struct GemmRow {
  std::string name;
  IsaSet needs;
  GemmTypes types;
  Tile tile;
  double cost = 0;  ///< cycles per 1000 products of a large problem; the table is sorted by it
  GemmFunction run = nullptr;
  size_t (*scratch_bytes)(const GemmArgs&) noexcept = nullptr;  ///< reads sizes only

  PanelLayout layout() const { return {tile.columns}; }
};

inline constexpr std::array<DType, 3> kWeightTypes = {DType::f32, DType::f16, DType::bf16};

/// All rows of this build, cheapest first; the scalar references are the last ones.
std::span<const GemmRow> gemm_table();

/// The cheapest row for these types whose features are all in `isa`.
const GemmRow& select_gemm(IsaSet isa, const GemmTypes& types);

void list_gemm_kernels(IsaSet isa, std::vector<KernelInfo>& out);

}  // namespace edgefusion::kernels
