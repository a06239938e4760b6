#include "kernels/matrix/pack.h"

#include <algorithm>

namespace edgefusion::kernels {
namespace {

/// Rounds one output's weights to bf16 and spreads them over its column of the panel.
void pack_column(const PanelGroups& layout, const WeightsView& w, int64_t output, int column,
                 uint16_t* panel) {
  const int64_t first = output * w.depth();
  for (int64_t i = 0; i < w.inputs; ++i) {
    for (int64_t tap = 0; tap < w.taps; ++tap) {
      const int64_t k = tap * w.inputs + i, from = first + i * w.taps + tap;
      panel[layout.at(k, column)] = w.dtype == DType::bf16
                                        ? static_cast<const uint16_t*>(w.data)[from]
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

size_t direct_bytes(const PanelGroups& layout, const WeightsView& w) {
  const int64_t panels = PanelColumns(w.outputs, false, layout.columns).panels();
  return static_cast<size_t>(panels * padded_depth(w.depth()) * layout.columns) * sizeof(uint16_t);
}

void pack_direct(const PanelGroups& layout, const WeightsView& w, bool geglu, int64_t begin,
                 int64_t end, void* packed) {
  const PanelColumns columns(w.outputs, geglu, layout.columns);
  const int64_t elements = padded_depth(w.depth()) * layout.columns;
  for (int64_t p = begin; p < end; ++p) {
    uint16_t* panel = static_cast<uint16_t*>(packed) + p * elements;
    std::fill_n(panel, elements, uint16_t{0});
    for (int c = 0; c < layout.columns; ++c) {
      const int64_t output = columns.output(p, c);
      if (output >= 0) pack_column(layout, w, output, c, panel);
    }
  }
}

}  // namespace edgefusion::kernels
