#include "core/dtype.h"
#include "kernels/matrix/panel_rows.h"

namespace edgefusion::kernels {

void multiply_panel_scalar(const PanelProduct& product) noexcept {
  for (int64_t r = 0; r < product.rows; ++r) {
    float* sums = product.sums + r * kPanelColumns;
    if (!product.add) {
      for (int c = 0; c < kPanelColumns; ++c) sums[c] = 0.0f;
    }
    int64_t k = 0;
    for (int s = 0; s < product.segment_count; ++s) {
      const RowSegment& segment = product.segments[s];
      const uint16_t* row = segment.rows[r] + segment.offset;
      for (int64_t i = 0; i < segment.length; ++i, ++k) {
        const float left = bf16_to_f32(row[i]);
        const uint16_t* weights = product.panel + k / 2 * 2 * kPanelColumns + k % 2;
        for (int c = 0; c < kPanelColumns; ++c) sums[c] += left * bf16_to_f32(weights[2 * c]);
      }
    }
  }
}

}  // namespace edgefusion::kernels
