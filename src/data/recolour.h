#pragma once

#include <optional>

#include "data/colour_space.h"
#include "formats/image.h"

namespace edgefusion::data {

/// The one colour of an object that has one: of most of its pixels, which have hues around it.
/// Mean lightness and chroma of these. RGBA. Nothing where the object is gray, or of many colours.
std::optional<Lch> dominant_colour(const formats::Image& object);

/// Gives all that has about the hue of `from` the hue of `to`; shades stay, around the lightness
/// and chroma of `to`. Other colours of the object stay as they are.
void recolour(formats::Image& object, const Lch& from, const Lch& to);

}  // namespace edgefusion::data
