#pragma once

#include "kernels/elementwise/elementwise.h"
#include "kernels/highway_dispatch.h"

// Shared by the rows of the element-wise table and by nothing else.

namespace edgefusion::kernels {

/// Each returns the row for a dtype (f32 or bf16) but for `name` and `needs`.
using ElementwiseFunctions = ElementwiseKernels (*)(DType dtype);

HighwayVariants<ElementwiseFunctions> elementwise_variants();
ElementwiseKernels elementwise_scalar(DType dtype);

}  // namespace edgefusion::kernels
