#include "shards/picture.h"

#include <gtest/gtest.h>
#include <turbojpeg.h>
#include <webp/encode.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "formats/png.h"

namespace edgefusion::shards {
namespace {

using Bytes = std::vector<std::byte>;

/// A smooth picture, so that lossy codecs keep it.
formats::Image gradient(int width, int height, int channels) {
  formats::Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<uint8_t>(3 * x + 2 * y + 20 * c));
      }
    }
  }
  return image;
}

Bytes copied(const uint8_t* data, size_t size) {
  Bytes bytes(size);
  std::memcpy(bytes.data(), data, size);
  return bytes;
}

Bytes webp_of(const formats::Image& image) {
  uint8_t* data = nullptr;
  const int stride = image.width * image.channels;
  const auto encode = image.channels == 4 ? WebPEncodeLosslessRGBA : WebPEncodeLosslessRGB;
  const size_t size = encode(image.pixels.data(), image.width, image.height, stride, &data);
  Bytes bytes = copied(data, size);
  WebPFree(data);
  return bytes;
}

Bytes jpeg_of(const formats::Image& image) {
  const tjhandle encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;  // NOLINT: the library's type
  tjCompress2(encoder, image.pixels.data(), image.width, 0, image.height, TJPF_RGB, &data, &size,
              TJSAMP_444, 100, 0);
  Bytes bytes = copied(data, size);
  tjFree(data);
  tjDestroy(encoder);
  return bytes;
}

std::string refusal(const Bytes& bytes, int64_t max_pixels = 1 << 20) {
  const auto image = decode_picture(bytes, "sample", max_pixels);
  return image ? "decoded" : image.error().message();
}

TEST(Picture, LosslessFilesGiveTheirPixelsBack) {
  for (const int channels : {3, 4}) {
    const formats::Image image = gradient(19, 7, channels);
    for (const Bytes& bytes : {*formats::encode_png(image), webp_of(image)}) {
      const auto found = decode_picture(bytes, "sample");
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_EQ(found->width, 19);
      EXPECT_EQ(found->channels, channels);
      EXPECT_EQ(found->pixels, image.pixels);
    }
  }
}

TEST(Picture, AJpegComesCloseToItsPixels) {
  const formats::Image image = gradient(24, 16, 3);
  const auto found = decode_picture(jpeg_of(image), "sample");
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_EQ(found->pixels.size(), image.pixels.size());
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    EXPECT_NEAR(found->pixels[i], image.pixels[i], 4);
  }
}

TEST(Picture, WebpsThatAreWrittenComeBackCloseToTheirPixels) {
  for (const int channels : {3, 4}) {
    const formats::Image image = gradient(40, 24, channels);
    const auto fine = encode_webp(image, {.quality = 100, .effort = 6});
    ASSERT_TRUE(fine) << fine.error().message();
    const auto found = decode_picture(*fine, "sample");
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_EQ(found->pixels.size(), image.pixels.size());
    EXPECT_EQ(found->channels, channels);
    double error = 0;
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      // What is not seen at all may change.
      const bool seen = channels == 3 || image.pixels[i / 4 * 4 + 3] > 0;
      if (seen) error += std::abs(found->pixels[i] - image.pixels[i]);
    }
    EXPECT_LT(error / static_cast<double>(image.pixels.size()), 6);
    EXPECT_EQ(*fine, *encode_webp(image, {.quality = 100, .effort = 6}));
    EXPECT_LT(encode_webp(image, {.quality = 10})->size(), fine->size());
  }
}

TEST(Picture, WhatNoWebpCanHoldIsRefused) {
  const formats::Image image = gradient(8, 8, 3);
  EXPECT_FALSE(encode_webp({.width = 0, .height = 0, .channels = 3, .pixels = {}}));
  EXPECT_FALSE(encode_webp({.width = 8, .height = 8, .channels = 3, .pixels = {1, 2, 3}}));
  EXPECT_FALSE(encode_webp({.width = 1, .height = 1, .channels = 1, .pixels = {1}}));
  EXPECT_FALSE(encode_webp(
      {.width = 20000, .height = 1, .channels = 3, .pixels = std::vector<uint8_t>(60000)}));
  EXPECT_FALSE(encode_webp(image, {.quality = 101}));
  EXPECT_FALSE(encode_webp(image, {.quality = 90, .effort = 7}));
}

TEST(Picture, FilesCutShortAtAnyPlaceAreRefused) {
  const formats::Image image = gradient(24, 16, 3);
  for (const Bytes& whole : {*formats::encode_png(image), webp_of(image), jpeg_of(image)}) {
    for (size_t size = 0; size + 2 < whole.size(); size += 1 + whole.size() / 40) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(refusal(part).rfind("sample: ", 0), 0u) << size << " " << refusal(part);
    }
  }
}

TEST(Picture, MorePixelsThanTheLimitAreRefused) {
  const formats::Image image = gradient(24, 16, 3);
  for (const Bytes& bytes : {*formats::encode_png(image), webp_of(image), jpeg_of(image)}) {
    EXPECT_NE(refusal(bytes, 24 * 16 - 1).find("pixels"), std::string::npos);
    EXPECT_EQ(refusal(bytes, 24 * 16), "decoded");
  }
}

TEST(Picture, OtherFilesAreRefused) {
  EXPECT_EQ(refusal(Bytes(100)), "sample: expected a PNG, JPEG or WebP, found something else");
}

TEST(Picture, TransparencyShowsTheBackground) {
  const formats::Image image{.width = 3,
                             .height = 1,
                             .channels = 4,
                             .pixels = {9, 8, 7, 0, 9, 8, 7, 255, 0, 100, 200, 128}};
  const formats::Image flat = without_alpha(image);
  const std::vector<uint8_t> expected = {255, 255, 255, 9, 8, 7, 127, 177, 227};
  EXPECT_EQ(flat.pixels, expected);
}

}  // namespace
}  // namespace edgefusion::shards
