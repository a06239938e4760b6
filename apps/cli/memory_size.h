#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace edgefusion::cli {

/// "900M", "1.5G", "512MiB", "800000000": bytes; K, M, G are powers of 1024.
/// Errors: invalid_argument with the forms that are known.
Result<int64_t> parse_memory_size(std::string_view text);

/// "647 MiB"; one decimal below 10.
std::string format_bytes(int64_t bytes);

}  // namespace edgefusion::cli
