#pragma once

#include <cstdint>
#include <string>

#include "data/colour_space.h"
#include "formats/image.h"

namespace edgefusion::data {

/// What lies behind the objects.
struct Backdrop {
  enum class Kind : uint8_t { white, plain, gradient, checkered };
  Kind kind = Kind::white;
  std::string colour;  ///< its name
  Rgb rgb{255, 255, 255};
  int direction = 0;  ///< of a gradient: 0 to 3, down, up, right, left
  int cells = 8;      ///< of a checkered one, a side
};

/// " on a yellow background"; nothing for white.
std::string words_for(const Backdrop& backdrop);

/// RGB, square.
formats::Image painted(const Backdrop& backdrop, int side);

}  // namespace edgefusion::data
