#include "pipeline/pixels.h"

#include <algorithm>
#include <cmath>

namespace edgefusion::pipeline {

formats::Image to_image(const Tensor& pixels) {
  formats::Image image;
  image.height = static_cast<int>(pixels.shape()[1]);
  image.width = static_cast<int>(pixels.shape()[2]);
  image.channels = static_cast<int>(pixels.shape()[3]);
  image.pixels.reserve(static_cast<size_t>(pixels.elements()));
  for (const float value : pixels.values<float>()) {
    const float unit = std::clamp(value * 0.5f + 0.5f, 0.0f, 1.0f);
    image.pixels.push_back(static_cast<uint8_t>(std::nearbyint(unit * 255.0f)));
  }
  return image;
}

}  // namespace edgefusion::pipeline
