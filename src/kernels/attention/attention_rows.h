#pragma once

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_isa.h"
#include "kernels/highway_dispatch.h"

// Shared by the rows of the attention table and by nothing else.

namespace edgefusion::kernels {

/// Arithmetic in f32; rows of `dtype`, f32 or bf16.
using AttentionVariants = HighwayVariants<AttentionFunctions (*)(DType)>;
AttentionVariants attention_variants();
AttentionFunctions attention_functions_scalar(DType dtype);
AttentionFunctions attention_int8_functions_scalar();

}  // namespace edgefusion::kernels
