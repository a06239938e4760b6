// Rows against a panel with TDPBUSD and TDPBSSD.

#if defined(__x86_64__)

#include "kernels/amx/amx_tile.h"
#include "kernels/matrix/amx_panel-inl.h"
#include "kernels/matrix/int8/panel_int8_rows.h"

namespace edgefusion::kernels {

void multiply_int8_amx(const PanelProductU8& product) noexcept {
  AmxPanel<AmxTiles, PanelProductU8>::multiply(product);
}

void multiply_int8_amx(const PanelProductS8& product) noexcept {
  AmxPanel<AmxTiles, PanelProductS8>::multiply(product);
}

void prepare_int8_amx(const PanelProductU8& product, void* prepared) noexcept {
  AmxPanel<AmxTiles, PanelProductU8>::prepare(product, prepared);
}

void prepare_int8_amx(const PanelProductS8& product, void* prepared) noexcept {
  AmxPanel<AmxTiles, PanelProductS8>::prepare(product, prepared);
}

size_t prepared_bytes_int8_amx(int64_t rows, int64_t depth) noexcept {
  return AmxPanel<AmxTiles, PanelProductU8>::prepared_bytes(rows, depth);
}

}  // namespace edgefusion::kernels

#endif
