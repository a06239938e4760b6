#pragma once

#include "kernels/attention/attention.h"
#include "kernels/highway_dispatch.h"

// Shared by the rows of the attention table and by nothing else.

namespace edgefusion::kernels {

/// What differs between the rows.
struct AttentionFunctions {
  decltype(AttentionKernel::scratch_floats) scratch_floats;
  decltype(AttentionKernel::run) run;
  size_t row_tile;
};

HighwayVariants<AttentionFunctions (*)()> attention_variants();
AttentionFunctions attention_functions_scalar();

}  // namespace edgefusion::kernels
