#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/matrix/panel_kernel.h"
#include "kernels/packed_weights.h"

namespace edgefusion::kernels {

/// Which weight row (output) each column of a panel holds.
class PanelColumns {
 public:
  PanelColumns(int64_t outputs, bool geglu, int columns = kPanelColumns)
      : outputs_(outputs), geglu_(geglu), columns_(columns) {}

  int64_t panels() const { return (outputs_ + columns_ - 1) / columns_; }
  /// Results of one panel: half of its columns when the other half are gates.
  int width() const { return geglu_ ? columns_ / 2 : columns_; }
  /// The output in column `column` of panel `panel`, or -1.
  int64_t output(int64_t panel, int column) const {
    const bool gate = geglu_ && column >= width();
    const int64_t index = panel * width() + (gate ? column - width() : column);
    if (index >= results()) return -1;
    return gate ? results() + index : index;
  }
  int64_t results() const { return geglu_ ? outputs_ / 2 : outputs_; }

 private:
  int64_t outputs_;
  bool geglu_;
  int columns_;
};

/// Element i of weights stored as f32, f16 or bf16.
float stored_weight(const WeightsView& weights, int64_t index);

/// Bytes of direct panels: each as the layout says over whole blocks of depth = taps * inputs,
/// k = tap * inputs + input.
size_t direct_bytes(const PanelGroups& layout, const WeightsView& weights);
void pack_direct(const PanelGroups& layout, const WeightsView& weights, bool geglu, int64_t begin,
                 int64_t end, void* packed);

/// Products of a panel for a depth, blocks filled up.
inline int64_t padded_depth(int64_t depth) {
  return (depth + kPanelDepth - 1) / kPanelDepth * kPanelDepth;
}

}  // namespace edgefusion::kernels
