#pragma once

#include <cstdint>
#include <span>

namespace edgefusion::quant {

/// Multiplies each block of so many neighbours of each row by the orthonormal Hadamard matrix of
/// Sylvester's order, in place: H[i, j] = (-1)^popcount(i & j) / sqrt(block), its own inverse. As
/// QuantizeRows::hadamard does to activations; done to the inputs of a weight [outputs, inputs] as
/// well, the product stays what it was, and outliers of single inputs are spread over the block.
/// `block` is a power of two that divides `depth`; 0 or 1: nothing is done.
void apply_hadamard(std::span<float> rows, int64_t depth, int64_t block);

}  // namespace edgefusion::quant
