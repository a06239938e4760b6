#pragma once

#include <cstdint>

#include "core/cpu_features.h"
#include "kernels/highway_dispatch.h"

namespace edgefusion::kernels {

/// Reads `words` 64-bit words from `src` (64-byte aligned, words a multiple of 64) as fast as the
/// vectors of an instruction set can, and returns their exclusive or: what nothing that is done
/// with the same memory can beat.
using ReadFunction = uint64_t (*)(const uint64_t* src, int64_t words) noexcept;

HighwayVariants<ReadFunction> read_variants();
uint64_t read_scalar(const uint64_t* src, int64_t words) noexcept;
/// The best that `isa` allows.
ReadFunction select_read(IsaSet isa);

}  // namespace edgefusion::kernels
