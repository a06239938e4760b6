#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::shards {

/// Decodes a PNG, JPEG or WebP (told by its first bytes) to 8-bit RGB, or RGBA where the file has
/// transparency. Sizes are checked before memory is taken; of an animated WebP nothing is taken.
/// Errors: bad_file (of no known kind, cut short, corrupt), unsupported (more pixels than the
/// limit). `origin` leads the messages.
Result<formats::Image> decode_picture(std::span<const std::byte> bytes, const std::string& origin,
                                      int64_t max_pixels = int64_t{64} << 20);

struct WebpOptions {
  double quality = 90;  ///< 0 to 100
  int effort = 4;       ///< 0 (fast) to 6 (small)
};

/// Encodes RGB or RGBA as a lossy WebP, the same bytes whoever asks. Errors: invalid_argument (no
/// pixels, more than 16383 a side, another number of channels, options out of their range),
/// resource_exhausted.
Result<std::vector<std::byte>> encode_webp(const formats::Image& image,
                                           const WebpOptions& options = {});

/// The picture on a background of one colour, RGB.
formats::Image without_alpha(const formats::Image& image, uint8_t background = 255);

}  // namespace edgefusion::shards
