#pragma once

#include <cstdint>

#include "kernels/matrix/panel_product.h"

// Weights of few bits, packed, -> a bf16 panel as the panel kernels read it (panel_product.h).
//
// A block of kPanelDepth products is 32 * columns elements; e counts them in the order of the bf16
// panel. Pairs of elements are slots: both belong to one column. The codes of a block:
//   s8       a byte each, in order
//   s4       128 elements are 16 words of 32 bits; bits [8j, 8j+4) of word i are element
//            32j + 2i, bits [8j+4, 8j+8) element 32j + 2i + 1, as integers from -8 to 7
//   palette  128 elements are 32 words of 16 bits; bits [4j, 4j+4) of word l are the lowest of
//            element 32j + l. Then 16 bytes for each further bit of a code: bit e of element e
// so that a vector is shifted, never rearranged.
//
// What an element becomes:
//   s8       the integer; its scale is left to the finish
//   s4       code * scale, rounded to the nearest bf16, ties to even
//   palette  tables[slot / kSlots % table_count][code]
//
// Every variant gives the same bits. Files compiled for one instruction set include this: data, and
// no function that a linker could take from them for a smaller CPU.

namespace edgefusion::kernels {

/// Slots that share a palette's table: the columns of one vector of 512 bits.
inline constexpr int kSlots = 16;
inline constexpr int kMostPaletteBits = 6;
/// Bytes between codes that are read and those that are fetched meanwhile: while a few rows are
/// multiplied by a panel, memory brings the next.
inline constexpr int64_t kFetchAhead = 8192;

/// Blocks of a panel one after the other.
struct ExpandBlocks {
  const uint8_t* codes = nullptr;
  uint16_t* dst = nullptr;  ///< 64-byte aligned
  int64_t blocks = 0;
  int columns = kPanelColumns;
  int group = 2;  ///< as in PanelGroups

  /// s4: [scale_blocks blocks of the panel][columns], f16 or f32.
  const void* scales = nullptr;
  bool half_scales = false;
  int64_t scale_blocks = 1;
  int64_t first = 0;  ///< blocks of the panel before these

  const uint16_t* tables = nullptr;  ///< palette: [table_count][2^bits] bf16, 64-byte aligned
  int table_count = 2;               ///< columns * group / 32: 2 or 4
  int bits = 4;
};

using ExpandFunction = void (*)(const ExpandBlocks&) noexcept;

/// One for each WeightCode.
struct ExpandFunctions {
  ExpandFunction s8 = nullptr;
  ExpandFunction s4 = nullptr;
  ExpandFunction palette = nullptr;
};

}  // namespace edgefusion::kernels
