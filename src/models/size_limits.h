#pragma once

#include <cstdint>
#include <string_view>

#include "core/result.h"

namespace edgefusion::models {

// Sizes a caller may ask a network for: far beyond any use, small enough that no product of them
// leaves 64 bits.
constexpr int64_t kMostBatch = 1024;
constexpr int64_t kMostSide = 32768;  // pixels, or latent pixels
constexpr int64_t kMostLatentPixels = int64_t{1}
                                      << 22;  // batch * height * width; attention squares
constexpr int64_t kMostImagePixels = int64_t{1} << 28;
constexpr int64_t kMostTokens = 65536;

/// Errors (of all three): invalid_argument, naming the size and the limit.
Status check_picture(std::string_view what, int64_t batch, int64_t height, int64_t width,
                     int64_t most_pixels);
/// `most`: what the text encoder has positions for.
Status check_tokens(int64_t tokens, int64_t most);
Status check_batch(int64_t batch);

}  // namespace edgefusion::models
