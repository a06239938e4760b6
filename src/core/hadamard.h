#pragma once

#include <span>

namespace edgefusion {

/// Multiplies each run of `block` values (a power of two that divides their number) by the
/// orthonormal Hadamard matrix of that size, which is its own inverse. Pairs are added and
/// subtracted from the nearest to the farthest, then all is scaled once by 1 / sqrt(block), as
/// kernels/quantize does it.
void rotate_blocks(std::span<float> values, int block);

}  // namespace edgefusion
