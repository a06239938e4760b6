#pragma once

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

// The functions behind the table in panel_table.cc, one file per instruction set.

namespace edgefusion::kernels {

/// Of the kernels for layers of a few outputs.
inline constexpr int kFewColumns = 4;

using PanelFunction = void (*)(const PanelProduct&) noexcept;

void multiply_panel_scalar(const PanelProduct& product) noexcept;
/// f32 arithmetic on expanded values, for CPUs without bf16 products.
HighwayVariants<PanelFunction> multiply_panel_variants();
#if defined(__x86_64__)
void multiply_panel_12x32_avx512_bf16(const PanelProduct& product) noexcept;
void multiply_panel_4x4_avx512_bf16(const PanelProduct& product) noexcept;
#endif

}  // namespace edgefusion::kernels
