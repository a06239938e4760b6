#include "shards/picture.h"

#include <turbojpeg.h>
#include <webp/decode.h>

#include <cstring>
#include <memory>
#include <utility>

#include "formats/png.h"

namespace edgefusion::shards {
namespace {

bool begins_with(std::span<const std::byte> bytes, size_t at, std::string_view magic) {
  return bytes.size() >= at + magic.size() &&
         std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

tl::unexpected<Error> broken(const std::string& origin, const std::string& why) {
  return fail(ErrorCode::bad_file, origin + ": " + why);
}

Result<formats::Image> blank(int width, int height, int channels, const std::string& origin,
                             int64_t max_pixels) {
  const int64_t pixels = int64_t{width} * height;
  if (width < 1 || height < 1) return broken(origin, "a picture of no pixels");
  if (pixels > max_pixels) {
    return fail(ErrorCode::unsupported, origin + ": " + std::to_string(width) + "x" +
                                            std::to_string(height) + " pixels, expected at most " +
                                            std::to_string(max_pixels) + " in all");
  }
  formats::Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  image.pixels.resize(static_cast<size_t>(pixels * channels));
  return image;
}

Result<formats::Image> decode_jpeg(std::span<const std::byte> bytes, const std::string& origin,
                                   int64_t max_pixels) {
  const std::unique_ptr<void, int (*)(void*)> decoder(tjInitDecompress(), tjDestroy);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling,
                          &colours) != 0) {
    return broken(origin, std::string("not a whole JPEG: ") + tjGetErrorStr2(decoder.get()));
  }
  EF_TRY(formats::Image image, blank(width, height, 3, origin, max_pixels));
  // A file that is cut short decodes with a warning, which counts as an error here.
  if (tjDecompress2(decoder.get(), data, bytes.size(), image.pixels.data(), width, 0, height,
                    TJPF_RGB, TJFLAG_ACCURATEDCT) != 0) {
    return broken(origin, std::string("not a whole JPEG: ") + tjGetErrorStr2(decoder.get()));
  }
  return image;
}

Result<formats::Image> decode_webp(std::span<const std::byte> bytes, const std::string& origin,
                                   int64_t max_pixels) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK) {
    return broken(origin, "not a whole WebP");
  }
  if (features.has_animation != 0) return broken(origin, "an animated WebP");
  const int channels = features.has_alpha != 0 ? 4 : 3;
  EF_TRY(formats::Image image,
         blank(features.width, features.height, channels, origin, max_pixels));
  const int stride = features.width * channels;
  const auto decode = channels == 4 ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(data, bytes.size(), image.pixels.data(), image.pixels.size(), stride) == nullptr) {
    return broken(origin, "not a whole WebP");
  }
  return image;
}

}  // namespace

Result<formats::Image> decode_picture(std::span<const std::byte> bytes, const std::string& origin,
                                      int64_t max_pixels) {
  if (begins_with(bytes, 0, "\x89PNG")) {
    EF_TRY(formats::PngFile file, formats::decode_png(bytes, origin, {.max_pixels = max_pixels}));
    return std::move(file.image);
  }
  if (begins_with(bytes, 0, "\xff\xd8\xff")) return decode_jpeg(bytes, origin, max_pixels);
  if (begins_with(bytes, 0, "RIFF") && begins_with(bytes, 8, "WEBP")) {
    return decode_webp(bytes, origin, max_pixels);
  }
  return broken(origin, "expected a PNG, JPEG or WebP, found something else");
}

formats::Image without_alpha(const formats::Image& image, uint8_t background) {
  if (image.channels == 3) return image;
  formats::Image flat{.width = image.width, .height = image.height, .channels = 3, .pixels = {}};
  const size_t pixels = image.pixels.size() / static_cast<size_t>(image.channels);
  flat.pixels.resize(3 * pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* from = image.pixels.data() + i * static_cast<size_t>(image.channels);
    const int alpha = image.channels == 4 ? from[3] : 255;
    for (size_t c = 0; c < 3; ++c) {
      const int colour = image.channels == 4 ? from[c] : from[0];
      flat.pixels[3 * i + c] =
          static_cast<uint8_t>((colour * alpha + background * (255 - alpha) + 127) / 255);
    }
  }
  return flat;
}

}  // namespace edgefusion::shards
