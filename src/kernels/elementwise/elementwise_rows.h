#pragma once

#include "kernels/elementwise/elementwise.h"
#include "kernels/highway_dispatch.h"

// Shared by the rows of the element-wise table and by nothing else.

namespace edgefusion::kernels {

/// Each returns its row but for `name` and `needs`.
HighwayVariants<ElementwiseKernels (*)()> elementwise_variants();
ElementwiseKernels elementwise_scalar();

}  // namespace edgefusion::kernels
