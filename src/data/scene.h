#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "data/backdrop.h"

namespace edgefusion::data {

/// Where an object of the pool is shown, in pixels.
struct Placement {
  size_t object = 0;
  int x = 0, y = 0, width = 0, height = 0;
  std::optional<Rgb> colour;  ///< it is painted with, instead of its own
};

/// A picture that is to be made, and what it shows.
struct Scene {
  std::string kind;
  Backdrop backdrop;
  std::vector<Placement> placements;  ///< they do not overlap
  std::vector<std::string> captions;  ///< the main one first; all say the same, and are true
};

}  // namespace edgefusion::data
