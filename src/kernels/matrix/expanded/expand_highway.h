#pragma once

#include "kernels/highway_dispatch.h"
#include "kernels/matrix/expanded/expand_panel.h"

namespace edgefusion::kernels {

HighwayVariants<ExpandFunction> expand_s8_variants();
HighwayVariants<ExpandFunction> expand_s4_variants();
HighwayVariants<ExpandFunction> expand_palette_variants();

}  // namespace edgefusion::kernels
