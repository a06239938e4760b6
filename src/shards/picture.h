#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::shards {

/// Decodes a PNG, JPEG or WebP (told by its first bytes) to 8-bit RGB, or RGBA where the file has
/// transparency. Sizes are checked before memory is taken; of an animated WebP nothing is taken.
/// Errors: bad_file (of no known kind, cut short, corrupt), unsupported (more pixels than the
/// limit). `origin` leads the messages.
Result<formats::Image> decode_picture(std::span<const std::byte> bytes, const std::string& origin,
                                      int64_t max_pixels = int64_t{64} << 20);

/// The picture on a background of one colour, RGB.
formats::Image without_alpha(const formats::Image& image, uint8_t background = 255);

}  // namespace edgefusion::shards
