#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/cpu_features.h"

// The innermost job of the matrix family: rows of bf16 activations against one panel of bf16
// weights, summed in f32.
//
//   sums[r][c] = (add ? sums[r][c] : 0) + sum_k row_r[k] * panel[k / g][c][k % g],  c in [0, n)
//
// n columns and groups of g products are the kernel's choice (PanelGroups): 32 and 2, what a dot
// product instruction takes in each lane, or few columns and long groups where a layer has only a
// few outputs. k runs over the segments one after the other. The panel holds whole blocks of
// kPanelDepth products: what lies beyond the last segment is zero. The order of a sum depends on nothing but
// the depth, so results do not depend on how rows are split among calls. Subnormal products may
// count as zero (AVX-512 BF16 and AMX do that); NaN and infinity propagate.

namespace edgefusion::kernels {

/// Columns of sums; a panel has as many or fewer.
inline constexpr int kPanelColumns = 32;
/// Products of a panel come in blocks of that many: the depth of an AMX tile.
inline constexpr int64_t kPanelDepth = 32;

/// How a panel is laid out: [depth / group][columns][group].
struct PanelGroups {
  int columns = kPanelColumns;
  int group = 2;

  int64_t at(int64_t k, int column) const {
    return k / group * group * columns + column * group + k % group;
  }
};

/// A run of products: row r has them at rows[r] + offset, length of them. Length is even.
struct RowSegment {
  const uint16_t* const* rows = nullptr;
  int64_t offset = 0;
  int64_t length = 0;
};

struct PanelProduct {
  const RowSegment* segments = nullptr;
  int segment_count = 0;
  int64_t rows = 0;
  const uint16_t* panel = nullptr;  ///< 64-byte aligned
  float* sums = nullptr;            ///< [rows, kPanelColumns], 64-byte aligned
  bool add = false;
  const void* next = nullptr;  ///< weights that come next, to be fetched meanwhile; may be null
  int64_t next_bytes = 0;
  const void* prepared = nullptr;  ///< what prepare() wrote for the same segments and rows

  int64_t depth() const {
    int64_t sum = 0;
    for (int s = 0; s < segment_count; ++s) sum += segments[s].length;
    return sum;
  }
};

/// One way to do it.
struct PanelKernel {
  std::string_view name;  ///< "12x32_avx512_bf16"
  IsaSet needs;
  PanelGroups layout;
  int row_tile = 1;
  int64_t block_rows = 192;  ///< rows that share a panel while it is in cache; multiple of row_tile
  double cost = 0;           ///< cycles per 1000 products of a large problem
  void (*multiply)(const PanelProduct&) noexcept = nullptr;
  /// Rewrites the rows once for all panels (tiles of a matrix unit); null: they are read in place.
  void (*prepare)(const PanelProduct&, void* prepared) noexcept = nullptr;
  size_t (*prepared_bytes)(int64_t rows, int64_t depth) noexcept = nullptr;
};

/// Cheapest first, the scalar reference last.
std::span<const PanelKernel> panel_kernels();
const PanelKernel& select_panel_kernel(IsaSet isa);

}  // namespace edgefusion::kernels
