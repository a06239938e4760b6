#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/image.h"

namespace edgefusion::formats {

/// A text chunk, both parts UTF-8. Stable Diffusion programs keep the settings under "parameters".
struct PngText {
  std::string key;  ///< 1 to 79 characters of Latin-1
  std::string text;
};

struct PngFile {
  Image image;  ///< RGB, or RGBA if the file has transparency
  std::vector<PngText> texts;
};

struct PngReadLimits {
  int64_t max_pixels = int64_t{64} << 20;
  size_t max_file_bytes = size_t{1} << 30;
};

/// Decodes any PNG (1 to 16 bits, gray, palette, alpha, interlaced) to 8-bit RGB or RGBA.
/// Sizes are checked before memory is taken. Text chunks of any kind come along.
/// Errors: bad_file (not a PNG, cut short, corrupt), unsupported (more pixels than the limit);
/// read_png also not_found and io. `origin` leads the messages.
Result<PngFile> decode_png(std::span<const std::byte> bytes, const std::string& origin,
                           const PngReadLimits& limits = {});
Result<PngFile> read_png(const std::filesystem::path& path, const PngReadLimits& limits = {});

/// Encodes gray, RGB or RGBA. Text that fits Latin-1 becomes tEXt, other text iTXt.
/// Errors: invalid_argument (no pixels, pixels that do not fit the size, a bad key, a NUL in a
/// text); write_png also io and resource_exhausted, and then leaves no file behind.
Result<std::vector<std::byte>> encode_png(const Image& image, std::span<const PngText> texts = {});
Status write_png(const std::filesystem::path& path, const Image& image,
                 std::span<const PngText> texts = {});

}  // namespace edgefusion::formats
