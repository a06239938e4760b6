#pragma once

#include <span>
#include <string_view>

namespace edgefusion::quant {

/// 256 varied prompts to calibrate by, unless the user gives others.
std::span<const std::string_view> calibration_prompts();

}  // namespace edgefusion::quant
