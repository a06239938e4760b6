// links: formats
// Any bytes as a PNG: refused, or a picture that survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/png.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace edgefusion;
  const formats::PngReadLimits limits{.max_pixels = 1 << 16};
  const auto file = formats::decode_png(std::as_bytes(std::span(data, size)), "fuzz.png", limits);
  if (!file) {
    EF_CHECK(file.error().message().find('\n') == std::string::npos, "message of several lines");
    return 0;
  }
  const formats::Image& image = file->image;
  const auto encoded = formats::encode_png(image);
  EF_CHECK(encoded.has_value(), "cannot write what was read");
  const auto again = formats::decode_png(*encoded, "again.png", limits);
  EF_CHECK(again.has_value(), "cannot read what was written");
  EF_CHECK(again->image.pixels == image.pixels, "pixels changed");
  return 0;
}
