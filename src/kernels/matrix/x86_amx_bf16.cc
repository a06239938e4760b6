// Rows against a panel with TDPBF16PS.

#if defined(__x86_64__)

#include "kernels/amx/amx_tile.h"
#include "kernels/matrix/amx_panel-inl.h"
#include "kernels/matrix/panel_rows.h"

namespace edgefusion::kernels {

using AmxBf16 = AmxPanel<AmxTiles, PanelProduct>;

void multiply_panel_32x32_amx_bf16(const PanelProduct& product) noexcept {
  AmxBf16::multiply(product);
}

void prepare_rows_amx_bf16(const PanelProduct& product, void* prepared) noexcept {
  AmxBf16::prepare(product, prepared);
}

size_t prepared_bytes_amx_bf16(int64_t rows, int64_t depth) noexcept {
  return AmxBf16::prepared_bytes(rows, depth);
}

}  // namespace edgefusion::kernels

#endif
