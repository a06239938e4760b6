#include <png.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "core/json.h"
#include "core/mapped_file.h"
#include "formats/latin1.h"
#include "formats/png.h"

namespace edgefusion::formats {
namespace {

constexpr size_t kMostChunkBytes = 8 << 20;  // of one text or colour profile, packed or unpacked
constexpr size_t kSignatureBytes = 8;
constexpr png_uint_32 kMostTextChunks = 256;

/// libpng reports errors by longjmp, which skips destructors. Each step below is therefore a member
/// function that keeps no objects of its own: everything lives in this class.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool usable() const { return info_ != nullptr; }
  const char* message() const { return message_; }
  int64_t width() const { return png_get_image_width(png_, info_); }
  int64_t height() const { return png_get_image_height(png_, info_); }
  int channels() const { return png_get_channels(png_, info_); }
  size_t row_bytes() const { return png_get_rowbytes(png_, info_); }

  /// All chunks before the pixels.
  bool read_info() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, on_read);
    png_set_chunk_malloc_max(png_, kMostChunkBytes);
    png_set_chunk_cache_max(png_, kMostTextChunks);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    // A fuzzer cannot guess checksums and would never get behind them.
    png_set_crc_action(png_, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
#endif
    png_read_info(png_, info_);
    return true;
  }

  /// Asks for 8-bit RGB or RGBA whatever the file holds.
  bool set_output() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_pixels(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_image(png_, rows);
    png_read_end(png_, info_);
    return true;
  }

  std::vector<PngText> texts() const {
    png_textp chunks = nullptr;
    const int count = png_get_text(png_, info_, &chunks, nullptr);
    std::vector<PngText> texts;
    for (int i = 0; i < count; ++i) {
      if (chunks[i].key == nullptr || chunks[i].text == nullptr) continue;
      const bool international = chunks[i].compression >= PNG_ITXT_COMPRESSION_NONE;
      const std::string_view text(chunks[i].text,
                                  international ? chunks[i].itxt_length : chunks[i].text_length);
      // Some programs write Latin-1 where the format asks for UTF-8.
      texts.push_back({utf8_from_latin1(chunks[i].key), international && is_utf8(text)
                                                            ? std::string(text)
                                                            : utf8_from_latin1(text)});
    }
    return texts;
  }

 private:
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<Decoder*>(png_get_error_ptr(png));
    std::snprintf(self->message_, sizeof self->message_, "%s", message);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  static void on_read(png_structp png, png_bytep dst, size_t size) {
    auto* self = static_cast<Decoder*>(png_get_io_ptr(png));
    if (size > self->rest_.size()) png_error(png, "the file ends too early");
    std::memcpy(dst, self->rest_.data(), size);
    self->rest_ = self->rest_.subspan(size);
  }

  std::span<const std::byte> rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[128] = "";
};

tl::unexpected<Error> broken(const std::string& origin, const Decoder& decoder) {
  return fail(ErrorCode::bad_file,
              origin + ": expected a whole PNG, found: " + printable(decoder.message()));
}

uint32_t big_endian_u32(std::span<const std::byte> bytes) {
  uint32_t value = 0;
  for (const std::byte byte : bytes.first(4)) value = value << 8 | static_cast<uint32_t>(byte);
  return value;
}

/// Walks the chunks before libpng does: it would take memory for as many bytes as a text chunk
/// claims to have, up to 2 GB, before it looks whether the file has them.
Status check_chunks(std::span<const std::byte> bytes, const std::string& origin) {
  constexpr size_t kAround = 12;  // length, type and checksum
  constexpr std::string_view kPixels = "IDAT";
  constexpr std::string_view kEnd = "IEND";
  auto rest = bytes.subspan(kSignatureBytes);
  while (rest.size() >= kAround) {
    const size_t length = big_endian_u32(rest);
    const std::string_view type(reinterpret_cast<const char*>(rest.data()) + 4, 4);
    if (length > rest.size() - kAround) {
      return fail(ErrorCode::bad_file, origin + ": chunk " + printable(type) + ": expected " +
                                           std::to_string(length) + " bytes, found " +
                                           std::to_string(rest.size() - kAround));
    }
    if (length > kMostChunkBytes && type != kPixels) {
      return fail(ErrorCode::unsupported,
                  origin + ": chunk " + printable(type) + ": expected at most " +
                      std::to_string(kMostChunkBytes) + " bytes, found " + std::to_string(length));
    }
    if (type == kEnd) return {};
    rest = rest.subspan(kAround + length);
  }
  return fail(ErrorCode::bad_file, origin + ": expected an IEND chunk, found the end of the file");
}

Result<PngFile> decode(std::span<const std::byte> bytes, const std::string& origin,
                       const PngReadLimits& limits) {
  const bool png =
      bytes.size() >= kSignatureBytes &&
      png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, kSignatureBytes) == 0;
  if (!png) return fail(ErrorCode::bad_file, origin + ": expected a PNG, found another format");
  EF_TRY_STATUS(check_chunks(bytes, origin));
  Decoder decoder(bytes);
  if (!decoder.usable()) return fail(ErrorCode::resource_exhausted, origin + ": out of memory");
  if (!decoder.read_info()) return broken(origin, decoder);
  const int64_t width = decoder.width();
  const int64_t height = decoder.height();
  if (width * height > limits.max_pixels) {  // both are below 2^31
    return fail(ErrorCode::unsupported, origin + ": expected at most " +
                                            std::to_string(limits.max_pixels) + " pixels, found " +
                                            std::to_string(width) + "x" + std::to_string(height));
  }
  if (!decoder.set_output()) return broken(origin, decoder);
  PngFile file;
  Image& image = file.image;
  image.width = static_cast<int>(width);
  image.height = static_cast<int>(height);
  image.channels = decoder.channels();
  EF_CHECK(decoder.row_bytes() == image.row_bytes(), "row of " + std::to_string(width) + " pixels");
  image.pixels.resize(image.row_bytes() * static_cast<size_t>(height));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * image.row_bytes();
  if (!decoder.read_pixels(rows.data())) return broken(origin, decoder);
  file.texts = decoder.texts();
  return file;
}

}  // namespace

Result<PngFile> decode_png(std::span<const std::byte> bytes, const std::string& origin,
                           const PngReadLimits& limits) {
  if (bytes.size() > limits.max_file_bytes) {
    return fail(ErrorCode::unsupported, origin + ": expected at most " +
                                            std::to_string(limits.max_file_bytes) +
                                            " bytes, found " + std::to_string(bytes.size()));
  }
  try {
    return decode(bytes, origin, limits);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::resource_exhausted, origin + ": not enough memory for this picture");
  }
}

Result<PngFile> read_png(const std::filesystem::path& path, const PngReadLimits& limits) {
  EF_TRY(const MappedFile file, MappedFile::open(path));
  return decode_png(file.bytes(), path.string(), limits);
}

}  // namespace edgefusion::formats
