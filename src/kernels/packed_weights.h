#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace edgefusion::kernels {

/// Weights of a linear layer [O,I] (taps 1) or a convolution [O,I,KH,KW] (taps KH*KW), as torch
/// stores them: element (o, i, tap) is data[(o * inputs + i) * taps + tap].
struct WeightsView {
  const void* data = nullptr;
  DType dtype = DType::f32;
  int64_t outputs = 0;
  int64_t inputs = 0;
  int64_t taps = 1;

  int64_t depth() const { return inputs * taps; }  ///< products in one sum
};

/// Panels of `columns` outputs, made once when a network is compiled:
/// packed[panel][k][column] with k = tap * inputs + input, in the dtype of the file (nothing is
/// rounded), zeros beyond the last output. The base must be 64-byte aligned.
struct PanelLayout {
  int columns = 0;

  int64_t panels(int64_t outputs) const { return (outputs + columns - 1) / columns; }
  size_t bytes(const WeightsView& w) const {
    return static_cast<size_t>(panels(w.outputs) * w.depth() * columns) * size_of(w.dtype);
  }
};

/// Packs panels [panel_begin, panel_end) into their place in `packed` (so that threads can share).
/// Takes f32, f16 and bf16.
void pack_panels(const PanelLayout& layout, const WeightsView& weights, int64_t panel_begin,
                 int64_t panel_end, void* packed) noexcept;

}  // namespace edgefusion::kernels
