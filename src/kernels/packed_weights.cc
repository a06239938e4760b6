#include "kernels/packed_weights.h"

namespace edgefusion::kernels {
namespace {

// Reads each output's row once from front to back; writes one sequential stream per tap.
template <class T>
void pack_panel(const WeightsView& w, int64_t first_output, int64_t columns, T* panel) {
  const T* data = static_cast<const T*>(w.data) + first_output * w.depth();
  const int64_t present = columns < w.outputs - first_output ? columns : w.outputs - first_output;
  for (int64_t i = 0; i < w.inputs; ++i) {
    for (int64_t tap = 0; tap < w.taps; ++tap) {
      const T* src = data + i * w.taps + tap;
      T* dst = panel + (tap * w.inputs + i) * columns;
      for (int64_t c = 0; c < present; ++c) dst[c] = src[c * w.depth()];
      for (int64_t c = present; c < columns; ++c) dst[c] = T{};
    }
  }
}

template <class T>
void pack_range(const PanelLayout& layout, const WeightsView& w, int64_t begin, int64_t end,
                void* packed) {
  const int64_t columns = layout.columns;
  for (int64_t p = begin; p < end; ++p) {
    pack_panel(w, p * columns, columns, static_cast<T*>(packed) + p * w.depth() * columns);
  }
}

}  // namespace

void pack_panels(const PanelLayout& layout, const WeightsView& weights, int64_t panel_begin,
                 int64_t panel_end, void* packed) noexcept {
  if (size_of(weights.dtype) == 4) {
    pack_range<uint32_t>(layout, weights, panel_begin, panel_end, packed);
  } else {
    pack_range<uint16_t>(layout, weights, panel_begin, panel_end, packed);
  }
}

}  // namespace edgefusion::kernels
