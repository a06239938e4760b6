#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace edgefusion::quant {

/// RFC 4648, section 4, with padding and without line breaks.
std::string to_base64(std::span<const std::byte> bytes);

}  // namespace edgefusion::quant
