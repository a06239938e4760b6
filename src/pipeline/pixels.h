#pragma once

#include "core/tensor.h"
#include "formats/image.h"

namespace edgefusion::pipeline {

/// What a decoder gave, [1,H,W,3] f32 from -1 to 1, as 8 bits; halves to even, as numpy rounds for
/// diffusers.
formats::Image to_image(const Tensor& pixels);

}  // namespace edgefusion::pipeline
