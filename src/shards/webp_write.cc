#include <webp/encode.h>

#include <memory>
#include <string>
#include <utility>

#include "shards/picture.h"

namespace edgefusion::shards {
namespace {

/// The library's writer to memory, freed in the end.
struct Memory {
  Memory() { WebPMemoryWriterInit(&writer); }
  ~Memory() { WebPMemoryWriterClear(&writer); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  WebPMemoryWriter writer;
};

}  // namespace

Result<std::vector<std::byte>> encode_webp(const formats::Image& image,
                                           const WebpOptions& options) {
  const int64_t pixels = int64_t{image.width} * image.height;
  const bool whole = image.width > 0 && image.height > 0 && image.width <= WEBP_MAX_DIMENSION &&
                     image.height <= WEBP_MAX_DIMENSION && image.channels >= 3 &&
                     image.channels <= 4 &&
                     image.pixels.size() == static_cast<size_t>(pixels * image.channels);
  if (!whole) {
    return fail(ErrorCode::invalid_argument,
                "picture to write: expected RGB or RGBA of 1 to " +
                    std::to_string(WEBP_MAX_DIMENSION) + " pixels a side, found " +
                    std::to_string(image.width) + "x" + std::to_string(image.height) + "x" +
                    std::to_string(image.channels));
  }
  WebPConfig config;
  WebPPicture picture;
  EF_CHECK(WebPConfigInit(&config) != 0 && WebPPictureInit(&picture) != 0, "libwebp's own version");
  config.quality = static_cast<float>(options.quality);
  config.method = options.effort;
  picture.width = image.width;
  picture.height = image.height;
  const std::unique_ptr<WebPPicture, void (*)(WebPPicture*)> owner(&picture, WebPPictureFree);
  Memory memory;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &memory.writer;
  const auto import = image.channels == 3 ? WebPPictureImportRGB : WebPPictureImportRGBA;
  const int stride = static_cast<int>(image.row_bytes());
  if (WebPValidateConfig(&config) == 0) {
    return fail(ErrorCode::invalid_argument,
                "picture to write: quality " + std::to_string(options.quality) + ", effort " +
                    std::to_string(options.effort) + ": expected 0 to 100, 0 to 6");
  }
  if (import(&picture, image.pixels.data(), stride) == 0 || WebPEncode(&config, &picture) == 0) {
    return fail(ErrorCode::resource_exhausted, "picture to write: out of memory");
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(memory.writer.mem);
  return std::vector<std::byte>(bytes, bytes + memory.writer.size);
}

}  // namespace edgefusion::shards
