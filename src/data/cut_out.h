#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>

#include "formats/image.h"

namespace edgefusion::data {

/// An object without its background.
struct CutOut {
  formats::Image image;  ///< RGBA, not premultiplied, as large as the object
  double coverage = 0;   ///< share of the picture it came from
};

/// Why a picture's object cannot be cut out.
enum class NoCutOut : uint8_t {
  no_white_background,  ///< the border of the picture is not white
  touches_border,       ///< most of it is, but the object goes on beyond it
  empty,                ///< nothing but white
  mostly_white,         ///< the object could not be told from its background by a viewer either
  pale_outline,         ///< nor by this function, at its edge
};
std::string_view to_string(NoCutOut reason);

/// Cuts the object out of its white background: what is nearly white and reached from the border.
/// At the edge, where a pixel is a mix of object and white, it becomes the object's colour with
/// that share as alpha, so that no pale fringe is left on other backgrounds. White inside of the
/// object stays. The picture is RGB, at least 8 pixels a side.
tl::expected<CutOut, NoCutOut> cut_out(const formats::Image& picture);

}  // namespace edgefusion::data
