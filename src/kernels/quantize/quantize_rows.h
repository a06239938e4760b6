#pragma once

#include "kernels/highway_dispatch.h"
#include "kernels/quantize/quantize.h"

// Shared by the rows of the quantize table and by nothing else.

namespace edgefusion::kernels {

struct QuantizeFunctions {
  decltype(QuantizeKernels::quantize) quantize;
  decltype(QuantizeKernels::dequantize) dequantize;
};

/// Those for a dtype, f32 or bf16.
using QuantizeFunctionsFor = QuantizeFunctions (*)(DType dtype);

HighwayVariants<QuantizeFunctionsFor> quantize_variants();
QuantizeFunctions quantize_functions_scalar(DType dtype);

/// The bits of the largest |t| of a row -> its scale. Compared as integers, bits of numbers without
/// sign are in the order of the numbers, and NaN is above infinity.
float row_scale(uint32_t largest_bits);

/// What makes the butterflies of `block` numbers an orthonormal matrix.
float hadamard_factor(int block);

}  // namespace edgefusion::kernels
