#include "formats/png.h"

#include <gtest/gtest.h>
#include <png.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>

#include "core/testing/temporary_folder.h"
#include "formats/latin1.h"

namespace edgefusion::formats {
namespace {

namespace fs = std::filesystem;

Image picture(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  image.pixels.resize(image.row_bytes() * static_cast<size_t>(height));
  std::mt19937 random(3);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random());
  return image;
}

fs::path testdata(const char* name) {
  return fs::path(EF_SOURCE_DIR) / "src/formats/testdata" / name;
}

std::string error_of(std::span<const std::byte> bytes, const PngReadLimits& limits = {}) {
  const auto file = decode_png(bytes, "p.png", limits);
  return file ? "no error" : file.error().message();
}

/// A 16-bit, interlaced RGBA file, which our own writer does not make.
std::vector<std::byte> interlaced_png(int size) {
  std::vector<std::byte> out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep bytes, size_t count) {
        auto* sink = static_cast<std::vector<std::byte>*>(png_get_io_ptr(p));
        const auto* first = reinterpret_cast<const std::byte*>(bytes);
        sink->insert(sink->end(), first, first + count);
      },
      [](png_structp) {});
  const auto extent = static_cast<png_uint_32>(size);
  png_set_IHDR(png, info, extent, extent, 16, PNG_COLOR_TYPE_RGB_ALPHA, PNG_INTERLACE_ADAM7,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  std::vector<std::vector<png_byte>> pixels(extent, std::vector<png_byte>(extent * 8));
  std::vector<png_bytep> rows;
  for (size_t y = 0; y < pixels.size(); ++y) {
    for (size_t i = 0; i < pixels[y].size(); ++i) {
      pixels[y][i] = static_cast<png_byte>(y * 16 + i / 2);  // both bytes equal: 8-bit value exact
    }
    rows.push_back(pixels[y].data());
  }
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

TEST(Png, RgbAndRgbaComeBackAsTheyWere) {
  for (const int channels : {3, 4}) {
    for (const auto& [width, height] : {std::pair{1, 1}, std::pair{7, 3}, std::pair{64, 65}}) {
      const Image image = picture(width, height, channels);
      const auto bytes = encode_png(image);
      ASSERT_TRUE(bytes.has_value());
      const auto file = decode_png(*bytes, "p.png");
      ASSERT_TRUE(file.has_value()) << file.error().message();
      EXPECT_EQ(file->image.width, width);
      EXPECT_EQ(file->image.height, height);
      EXPECT_EQ(file->image.channels, channels);
      EXPECT_EQ(file->image.pixels, image.pixels);
    }
  }
}

TEST(Png, GrayComesBackAsRgb) {
  const Image gray = picture(5, 4, 1);
  const auto file = decode_png(encode_png(gray).value(), "p.png");
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(file->image.channels, 3);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) EXPECT_EQ(file->image.pixels[3 * i + c], gray.pixels[i]);
  }
}

TEST(Png, ReadsPaletteWithTransparency) {
  const auto file = read_png(testdata("palette_alpha.png"));
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const std::vector<uint8_t> expected = {0,   0,   0,   0,   255, 0,   0, 255, 0,   255, 0,
                                         255, 0,   0,   255, 128, 0,   0, 255, 128, 0,   255,
                                         0,   255, 255, 0,   0,   255, 0, 0,   0,   0};
  EXPECT_EQ(file->image.channels, 4);
  EXPECT_EQ(file->image.pixels, expected);
}

TEST(Png, ReadsOneAndSixteenBitGray) {
  const auto one = read_png(testdata("gray1.png"));
  ASSERT_TRUE(one.has_value()) << one.error().message();
  EXPECT_EQ(one->image.channels, 3);
  EXPECT_EQ(one->image.pixels[0], 0);
  EXPECT_EQ(one->image.pixels[3], 255);
  const auto sixteen = read_png(testdata("gray16.png"));
  ASSERT_TRUE(sixteen.has_value()) << sixteen.error().message();
  for (int i = 0; i < 8; ++i) {
    // 16-bit v is v / 257 in 8 bits, rounded.
    EXPECT_EQ(sixteen->image.pixels[static_cast<size_t>(3 * i)], (i * 8000 + 128) / 257) << i;
  }
}

TEST(Png, ReadsInterlacedSixteenBitColour) {
  const auto file = decode_png(interlaced_png(9), "p.png");
  ASSERT_TRUE(file.has_value()) << file.error().message();
  ASSERT_EQ(file->image.channels, 4);
  for (size_t y = 0; y < 9; ++y) {
    for (size_t i = 0; i < 36; ++i) {
      EXPECT_EQ(file->image.pixels[y * 36 + i], static_cast<uint8_t>(y * 16 + i));
    }
  }
}

TEST(Png, ReadsTextOfEveryKind) {
  const auto file = read_png(testdata("text.png"));
  ASSERT_TRUE(file.has_value()) << file.error().message();
  ASSERT_EQ(file->texts.size(), 3u);
  EXPECT_EQ(file->texts[0].key, "parameters");
  EXPECT_EQ(file->texts[0].text, "a caf\xc3\xa9, 30% off\nSteps: 2");
  EXPECT_EQ(file->texts[1].text, "\xe7\x8b\x90 fox");
  EXPECT_EQ(file->texts[2].text, std::string(150, 'z'));
}

TEST(Png, TextComesBackAndUsesTheChunkThatHoldsIt) {
  const std::vector<PngText> texts = {{"parameters", "a fox\nSteps: 2"},
                                      {"caf\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
                                      {"parameters", "\xe7\x8b\x90"},
                                      {"empty", ""}};
  const auto bytes = encode_png(picture(2, 2, 3), texts);
  ASSERT_TRUE(bytes.has_value());
  const std::string raw(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  EXPECT_NE(raw.find(std::string("tEXtparameters\0a fox", 20)), std::string::npos);
  EXPECT_NE(raw.find(std::string("tEXtcaf\xe9\0\xe9t\xe9", 12)), std::string::npos);
  EXPECT_NE(raw.find("iTXtparameters"), std::string::npos);
  const auto file = decode_png(*bytes, "p.png");
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(file->texts.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(file->texts[i].key, texts[i].key);
    EXPECT_EQ(file->texts[i].text, texts[i].text);
  }
}

TEST(Png, TextThatIsNoUtf8KeepsItsBytes) {
  const auto bytes = encode_png(picture(1, 1, 3), std::vector<PngText>{{"k", "a\xff"}});
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(decode_png(*bytes, "p").value().texts.at(0).text, "a\xc3\xbf");
}

TEST(Png, BadTextsAreRefused) {
  const Image image = picture(1, 1, 3);
  for (const PngText& text :
       {PngText{"", "x"}, PngText{std::string(80, 'k'), "x"}, PngText{"\xe7\x8b\x90", "x"},
        PngText{" k", "x"}, PngText{"k\n", "x"}, PngText{"k", std::string("a\0b", 3)}}) {
    const auto bytes = encode_png(image, std::span(&text, 1));
    ASSERT_FALSE(bytes.has_value()) << text.key;
    EXPECT_EQ(bytes.error().code(), ErrorCode::invalid_argument);
  }
}

TEST(Png, PicturesWithoutPixelsOrWithTooFewAreRefused) {
  for (const Image& image : {Image{}, Image{0, 4, 3, {}}, Image{-1, -1, 3, {1, 2, 3}},
                             Image{2, 2, 3, {1, 2, 3}}, Image{1, 1, 2, {1, 2}}}) {
    EXPECT_FALSE(encode_png(image).has_value());
  }
}

TEST(Png, EveryTruncationIsRefused) {
  const auto bytes = encode_png(picture(16, 16, 3), std::vector<PngText>{{"k", "text"}}).value();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(error_of(std::span(bytes).first(size)), "no error") << size;
  }
}

TEST(Png, DamagedPixelsAreRefusedAndNoDamageCrashes) {
  const auto whole = encode_png(picture(16, 16, 3)).value();
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    auto bytes = whole;
    bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 + random() % 255);
    (void)error_of(bytes, {.max_pixels = 1000});
  }
  auto bytes = whole;
  bytes[bytes.size() / 2] ^= std::byte{1};
  EXPECT_NE(error_of(bytes), "no error");
}

TEST(Png, OtherFormatsAreRefused) {
  const std::string jpeg = "\xff\xd8\xff\xe0 not a png at all";
  EXPECT_EQ(error_of(std::as_bytes(std::span(jpeg))),
            "p.png: expected a PNG, found another format");
}

TEST(Png, PixelsAreCountedBeforeMemoryIsTaken) {
  auto bytes = encode_png(picture(10, 10, 3)).value();
  EXPECT_EQ(error_of(bytes, {.max_pixels = 99}), "p.png: expected at most 99 pixels, found 10x10");
  EXPECT_EQ(error_of(bytes, {.max_pixels = 100}), "no error");
  EXPECT_NE(error_of(bytes, {.max_file_bytes = 10}), "no error");
}

TEST(Png, AChunkThatClaimsMoreThanTheFileHasTakesNoMemory) {
  auto bytes = encode_png(picture(2, 2, 3), std::vector<PngText>{{"k", "text"}}).value();
  constexpr size_t kTextLength = 33;  // signature and header chunk come before
  bytes[kTextLength] = std::byte{0x65};
  EXPECT_NE(error_of(bytes).find("p.png: chunk tEXt: expected 1694498"), std::string::npos)
      << error_of(bytes);
}

TEST(Png, ATextChunkBeyondTheLimitIsRefused) {
  const std::vector<PngText> texts = {{"k", std::string(9 << 20, 'x')}};
  const auto bytes = encode_png(picture(2, 2, 3), texts);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_NE(error_of(*bytes).find("chunk tEXt: expected at most 8388608 bytes"), std::string::npos);
}

TEST(Png, AMissingFileAndAnEmptyFileAreErrors) {
  EXPECT_EQ(read_png("no/such.png").error().code(), ErrorCode::not_found);
  EXPECT_EQ(error_of({}), "p.png: expected a PNG, found another format");
}

TEST(Png, AFullDiskLeavesNoFile) {
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto written = write_png(folder / "p.png", picture(64, 64, 3));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::resource_exhausted);
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_FALSE(write_png("/dev/full", picture(64, 64, 3)).has_value());
  EXPECT_TRUE(write_png(folder / "p.png", picture(64, 64, 3)).has_value());
  EXPECT_TRUE(read_png(folder / "p.png").has_value());
}

TEST(Latin1, ConvertsWhatItHoldsAndNothingElse) {
  EXPECT_EQ(latin1_from_utf8("a\xc3\xa9\xc3\xbf"), "a\xe9\xff");
  EXPECT_EQ(latin1_from_utf8("\xc4\x80"), std::nullopt);
  EXPECT_EQ(utf8_from_latin1("a\xe9"), "a\xc3\xa9");
}

TEST(Latin1, KnowsWellFormedUtf8) {
  for (const char* good :
       {"", "abc", "\xc3\xa9", "\xe7\x8b\x90", "\xf0\x9f\xa6\x8a", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3\x28"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace edgefusion::formats
