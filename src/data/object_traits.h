#pragma once

#include <cstdint>
#include <optional>

#include "data/colour_space.h"
#include "formats/image.h"

namespace edgefusion::data {

/// What decides in which scenes an object can be shown.
struct ObjectTraits {
  bool one_piece = false;     ///< nearly all of it is connected, so that it counts as one
  std::optional<Lch> colour;  ///< dominant_colour
  uint32_t backgrounds = 0;   ///< bit i: it stands out from named_colours()[i]
  bool white_inside = false;  ///< a large white part, which may be a hole
};

ObjectTraits traits_of(const formats::Image& object);

}  // namespace edgefusion::data
