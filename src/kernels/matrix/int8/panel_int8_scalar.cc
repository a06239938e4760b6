#include "kernels/matrix/int8/panel_int8_rows.h"

namespace edgefusion::kernels {
namespace {

constexpr int64_t kGroup = 4;

/// Unsigned, because sums wrap.
template <typename Product>
void multiply_rows(const Product& product) {
  for (int64_t r = 0; r < product.rows; ++r) {
    int32_t* sums = product.sums + r * kPanelColumns;
    for (int c = 0; c < kPanelColumns; ++c) {
      auto sum = product.add ? static_cast<uint32_t>(sums[c]) : 0u;
      const int8_t* weights = product.panel + c * kGroup;
      for (int s = 0; s < product.segment_count; ++s) {
        const auto* row = product.segments[s].rows[r] + product.segments[s].offset;
        for (int64_t k = 0; k < product.segments[s].length; ++k) {
          const int32_t weight = weights[k / kGroup * kGroup * kPanelColumns + k % kGroup];
          sum += static_cast<uint32_t>(row[k] * weight);
        }
        weights += product.segments[s].length * kPanelColumns;
      }
      sums[c] = static_cast<int32_t>(sum);
    }
  }
}

}  // namespace

void multiply_int8_scalar(const PanelProductU8& product) noexcept { multiply_rows(product); }
void multiply_int8_scalar(const PanelProductS8& product) noexcept { multiply_rows(product); }

}  // namespace edgefusion::kernels
