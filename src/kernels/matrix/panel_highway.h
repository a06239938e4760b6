#pragma once

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/panel_product.h"

namespace edgefusion::kernels {

using PanelFunction = void (*)(const PanelProduct&) noexcept;

/// f32 arithmetic on expanded values, for CPUs without bf16 products.
HighwayVariants<PanelFunction> multiply_panel_variants();

}  // namespace edgefusion::kernels
