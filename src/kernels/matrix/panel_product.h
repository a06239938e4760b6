#pragma once

#include <cstddef>
#include <cstdint>

// The innermost job of the matrix family: rows of activations against one panel of weights.
//
//   sums[r][c] = (add ? sums[r][c] : 0) + sum_k row_r[k] * panel[k / g][c][k % g],  c in [0, n)
//
// n columns and groups of g products are the kernel's choice (PanelGroups): 32 and 2, what a dot
// product instruction takes in each lane, or few columns and long groups where a layer has only a
// few outputs. k runs over the segments one after the other; the length of each is a multiple of g.
// The panel holds whole blocks of kPanelBlockBytes: what lies beyond the last segment is zero. The
// order of a sum depends on nothing but the depth, so results do not depend on how rows are split
// among calls.
//
// Three kinds: bf16 x bf16 summed in f32, u8 x s8 and s8 x s8 summed in s32.
// - bf16: subnormal products may count as zero (AVX-512 BF16 and AMX do that); NaN and infinity
//   propagate.
// - 8 bits: exact; a sum beyond s32 wraps, so that partial sums may leave the range and come back.
//
// Files compiled for one instruction set include this: data, and no function that a linker could
// take from them for a smaller CPU.

namespace edgefusion::kernels {

/// Columns of sums; a panel has as many or fewer.
inline constexpr int kPanelColumns = 32;
/// Products of a panel come in blocks of that many bytes of a row: the depth of an AMX tile.
inline constexpr int64_t kPanelBlockBytes = 64;

/// A run of products: row r has them at rows[r] + offset, length of them.
template <typename Value>
struct RowRun {
  const Value* const* rows = nullptr;
  int64_t offset = 0;
  int64_t length = 0;
};

template <typename RowValue, typename PanelValue, typename SumValue>
struct ProductOf {
  using Row = RowValue;
  using Weight = PanelValue;
  using Sum = SumValue;

  const RowRun<Row>* segments = nullptr;
  int segment_count = 0;
  int64_t rows = 0;
  const Weight* panel = nullptr;  ///< 64-byte aligned
  /// [rows, filled up to whole row tiles of the kernel][kPanelColumns], 64-byte aligned
  Sum* sums = nullptr;
  bool add = false;
  const void* prepared = nullptr;  ///< what prepare() wrote for the same segments and rows
  const void* next = nullptr;      ///< weights that come next, to be fetched meanwhile; may be null
  int64_t next_bytes = 0;
};

/// Of internal linkage for the reason above.
template <typename Product>
static inline int64_t total_depth(const Product& product) {
  int64_t depth = 0;
  for (int s = 0; s < product.segment_count; ++s) depth += product.segments[s].length;
  return depth;
}

using RowSegment = RowRun<uint16_t>;
using PanelProduct = ProductOf<uint16_t, uint16_t, float>;  ///< bf16 x bf16 -> f32
using PanelProductU8 = ProductOf<uint8_t, int8_t, int32_t>;
using PanelProductS8 = ProductOf<int8_t, int8_t, int32_t>;

/// Products of bf16 in a block.
inline constexpr int64_t kPanelDepth = kPanelBlockBytes / 2;

}  // namespace edgefusion::kernels
