#pragma once

#include <vector>

#include "formats/image.h"

namespace edgefusion::data {

/// A picture that can be put onto another: RGBA, premultiplied, 0 to 1, row by row.
struct Layer {
  int width = 0, height = 0;
  std::vector<float> pixels;
};

/// An RGBA picture at another size, each side at least 1. Catmull-Rom's cubic, as wide as the scale
/// asks for (Keys 1981; what Pillow calls bicubic).
Layer scaled_layer(const formats::Image& object, int width, int height);

/// Puts the layer onto an RGB picture with its upper left corner at (x, y); it lies inside.
void put(formats::Image& picture, const Layer& layer, int x, int y);

}  // namespace edgefusion::data
