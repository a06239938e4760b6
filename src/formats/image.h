#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgefusion::formats {

/// 8-bit pixels, row by row from the top, channels interleaved, sRGB as stored.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;             ///< 1 gray, 3 RGB, 4 RGBA (not premultiplied)
  std::vector<uint8_t> pixels;  ///< width * height * channels

  size_t row_bytes() const { return static_cast<size_t>(width) * static_cast<size_t>(channels); }
};

}  // namespace edgefusion::formats
