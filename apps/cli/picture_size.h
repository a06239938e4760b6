#pragma once

#include <string_view>

#include "core/result.h"

namespace edgefusion::cli {

struct PictureSize {
  int width = 512, height = 512;  ///< pixels
};

/// "512x512". Errors: invalid_argument; sides are multiples of 8 from 8 to 8192.
Result<PictureSize> parse_picture_size(std::string_view text);

}  // namespace edgefusion::cli
