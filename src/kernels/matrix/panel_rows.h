#pragma once

#include "kernels/matrix/panel_product.h"

// The functions behind the table in panel_table.cc, one file per instruction set. These files
// include this, so nothing of the standard library may come in here: see panel_product.h.

namespace edgefusion::kernels {

/// Of the kernels for layers of a few outputs.
inline constexpr int kFewColumns = 4;

void multiply_panel_scalar(const PanelProduct& product) noexcept;

#if defined(__x86_64__)
void multiply_panel_12x32_avx512_bf16(const PanelProduct& product) noexcept;
void multiply_panel_4x4_avx512_bf16(const PanelProduct& product) noexcept;
void multiply_panel_32x32_amx_bf16(const PanelProduct& product) noexcept;
void prepare_rows_amx_bf16(const PanelProduct& product, void* prepared) noexcept;
size_t prepared_bytes_amx_bf16(int64_t rows, int64_t depth) noexcept;
#elif defined(__aarch64__)
void multiply_panel_8x8_neon_bf16(const PanelProduct& product) noexcept;
#endif

}  // namespace edgefusion::kernels
