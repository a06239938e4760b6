#pragma once

#include "kernels/conv/conv.h"

namespace edgefusion::kernels {

/// The readable reference for weights stored as f32, f16 or bf16; needs no scratch.
ConvFunction scalar_conv(DType weights);

}  // namespace edgefusion::kernels
