#pragma once

#include <cstddef>
#include <functional>

#include "engine/lowering.h"

namespace edgefusion::engine {

/// Converts rows [row0, row1) of dense operands.
using RowFunction = std::function<void(const void* src, void* dst, size_t row0, size_t row1)>;

/// Of a convert node from or to u8; empty for others.
RowFunction u8_row_function(const Lowering& lowering);

}  // namespace edgefusion::engine
