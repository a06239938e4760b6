#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/matrix/expanded/expand_panel.h"
#include "kernels/matrix/expanded/quantized_weights.h"
#include "kernels/matrix/panel_kernel.h"

namespace edgefusion::kernels {

/// The best functions for `isa`, the scalar ones where it has no vectors.
ExpandFunctions select_expand(IsaSet isa);

/// Where things lie in the packed form of one panel, 64-byte aligned:
///   s8       f32 scales [kPanelColumns], codes
///   s4       scales [depth / group rounded up][columns] of the format's type, codes
///   palette  bf16 tables [table_count][2^bits], codes
/// each of them filled up to 64 bytes, codes as in expand_panel.h.
class PackedPanel {
 public:
  PackedPanel(const WeightFormat& format, const PanelGroups& layout, int64_t depth);

  int64_t bytes() const { return bytes_; }
  int64_t head_bytes() const { return head_bytes_; }
  int64_t blocks() const { return blocks_; }
  int64_t block_bytes() const { return block_bytes_; }
  int table_count() const { return layout_.columns * layout_.group / (2 * kSlots); }

  /// Products [begin, end) of `panel` -> dst; begin is where a block begins.
  void expand(const ExpandFunctions& functions, const std::byte* panel, int64_t begin, int64_t end,
              uint16_t* dst) const;

 private:
  WeightFormat format_;
  PanelGroups layout_;
  int64_t depth_, blocks_, block_bytes_, head_bytes_, bytes_;
};

/// Bytes of all panels, and their packing: as direct_bytes() and pack_direct() in pack.h.
size_t quantized_bytes(const PanelGroups& layout, const QuantizedWeights& weights);
void pack_quantized(const PanelGroups& layout, const QuantizedWeights& weights, bool geglu,
                    int64_t begin, int64_t end, void* packed) noexcept;

}  // namespace edgefusion::kernels
