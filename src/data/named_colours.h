#pragma once

#include <span>
#include <string_view>

#include "data/colour_space.h"

namespace edgefusion::data {

/// A colour that everybody calls by this name.
struct NamedColour {
  std::string_view name;
  Rgb rgb;
  bool for_objects;  ///< told apart from all others by its hue, so that things are painted with it
};

/// Those that backgrounds are painted with, at most 32.
std::span<const NamedColour> named_colours();

/// A word that names a colour, these or others ("golden", "black").
bool names_colour(std::string_view word);

}  // namespace edgefusion::data
