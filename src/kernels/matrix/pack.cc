#include "kernels/matrix/pack.h"

#include <algorithm>

namespace edgefusion::kernels {
namespace {

/// Rounds one output's weights to bf16 and spreads them over its column of the panel.
void pack_column(const WeightsView& w, int64_t output, uint16_t* column) {
  const int64_t first = output * w.depth();
  for (int64_t i = 0; i < w.inputs; ++i) {
    for (int64_t tap = 0; tap < w.taps; ++tap) {
      const int64_t k = tap * w.inputs + i, from = first + i * w.taps + tap;
      uint16_t* to = column + k / 2 * 2 * kPanelColumns + k % 2;
      *to = w.dtype == DType::bf16 ? static_cast<const uint16_t*>(w.data)[from]
                                   : f32_to_bf16(stored_weight(w, from));
    }
  }
}

}  // namespace

float stored_weight(const WeightsView& weights, int64_t index) {
  if (weights.dtype == DType::f32) return static_cast<const float*>(weights.data)[index];
  const uint16_t bits = static_cast<const uint16_t*>(weights.data)[index];
  return weights.dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

size_t direct_bytes(const WeightsView& w) noexcept {
  const int64_t panels = PanelColumns(w.outputs, false).panels();
  return static_cast<size_t>(panels * padded_depth(w.depth()) * kPanelColumns) * sizeof(uint16_t);
}

void pack_direct(const WeightsView& w, bool geglu, int64_t begin, int64_t end,
                 void* packed) noexcept {
  const PanelColumns columns(w.outputs, geglu);
  const int64_t elements = padded_depth(w.depth()) * kPanelColumns;
  for (int64_t p = begin; p < end; ++p) {
    uint16_t* panel = static_cast<uint16_t*>(packed) + p * elements;
    std::fill_n(panel, elements, uint16_t{0});
    for (int c = 0; c < kPanelColumns; ++c) {
      const int64_t output = columns.output(p, c);
      if (output >= 0) pack_column(w, output, panel + 2 * c);
    }
  }
}

}  // namespace edgefusion::kernels
