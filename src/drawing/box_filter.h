#pragma once

#include "formats/image.h"

namespace edgefusion::drawing {

/// The picture scaled down: each new pixel is the mean of the area it covers, of the values as they
/// are stored (sRGB). Gray, RGB or RGBA comes out as RGB, on white. The new size is at least 1x1
/// and in neither direction larger than the old one. Errors: none.
formats::Image scaled_down(const formats::Image& picture, int width, int height);

/// The same to the largest size of its proportions that fits width x height; a picture that fits is
/// only made RGB. Each side keeps at least one pixel.
formats::Image scaled_to_fit(const formats::Image& picture, int width, int height);

}  // namespace edgefusion::drawing
