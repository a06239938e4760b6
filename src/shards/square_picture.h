#pragma once

#include <vector>

#include "formats/image.h"

namespace edgefusion::shards {

/// A picture as networks are shown it, in training and afterwards: its largest square,
/// scaled to `size`, transparency on white. [size,size,3], row by row, -1 to 1. position: of the
/// square along the longer side, 0 to 1.
///
/// Scaling is bicubic (a = -0.5) with the filter widened where the picture shrinks, half-pixel
/// centres: what PyTorch calls antialiased bicubic interpolation without align_corners.
std::vector<float> square_picture(const formats::Image& image, int size, double position = 0.5);

}  // namespace edgefusion::shards
