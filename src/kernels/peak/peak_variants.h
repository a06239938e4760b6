#pragma once

#include <cstdint>

#include "kernels/highway_dispatch.h"

namespace edgefusion::kernels {

using PeakFunction = int64_t (*)(int64_t rounds) noexcept;
HighwayVariants<PeakFunction> peak_f32_variants();

}  // namespace edgefusion::kernels
