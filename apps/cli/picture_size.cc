#include "cli/picture_size.h"

#include <charconv>

namespace edgefusion::cli {
namespace {

constexpr int kMostSide = 8192, kMultiple = 8;

bool is_side(int pixels) {
  return pixels >= kMultiple && pixels <= kMostSide && pixels % kMultiple == 0;
}

}  // namespace

Result<PictureSize> parse_picture_size(std::string_view text) {
  PictureSize size;
  const char* end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, size.width);
  if (width.ec == std::errc{} && width.ptr != end && *width.ptr == 'x') {
    const auto height = std::from_chars(width.ptr + 1, end, size.height);
    if (height.ec == std::errc{} && height.ptr == end && is_side(size.width) &&
        is_side(size.height)) {
      return size;
    }
  }
  return fail(ErrorCode::invalid_argument,
              "size '" + std::string(text) +
                  "': expected WIDTHxHEIGHT, multiples of 8 up to 8192, as in 512x512");
}

}  // namespace edgefusion::cli
