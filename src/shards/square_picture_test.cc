#include "shards/square_picture.h"

#include <gtest/gtest.h>

#include <cstdint>

// Against PyTorch's own interpolation: train/picture_tensor_test.cc.

namespace edgefusion::shards {
namespace {

formats::Image ramp(int width, int height) {
  formats::Image image{.width = width, .height = height, .channels = 3, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) image.pixels.push_back(static_cast<uint8_t>(4 * x + 2 * y + c));
    }
  }
  return image;
}

float value_of(int byte) { return static_cast<float>(byte) / 127.5f - 1.0f; }

TEST(SquarePicture, TheMiddleStaysAsItIsIfItHasTheSize) {
  const auto pixels = square_picture(ramp(10, 4), 4);
  ASSERT_EQ(pixels.size(), 4u * 4 * 3);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      for (int c = 0; c < 3; ++c) {
        EXPECT_EQ(pixels[static_cast<size_t>((y * 4 + x) * 3 + c)],
                  value_of(4 * (x + 3) + 2 * y + c));
      }
    }
  }
  EXPECT_EQ(square_picture(ramp(4, 10), 4)[0], value_of(2 * 3));
}

TEST(SquarePicture, ARampStaysARampAwayFromItsEnds) {
  const auto half = square_picture(ramp(32, 32), 16);
  // New pixel i covers old ones 2i and 2i+1.
  for (int y = 4; y < 12; ++y) {
    for (int x = 4; x < 12; ++x) {
      const float expected = static_cast<float>(4 * (2 * x) + 2 + 2 * (2 * y) + 1) / 127.5f - 1.0f;
      EXPECT_NEAR(half[static_cast<size_t>((y * 16 + x) * 3)], expected, 1e-4) << x << " " << y;
    }
  }
}

TEST(SquarePicture, OneColourStaysThatColourAtAnySize) {
  formats::Image image{.width = 7, .height = 5, .channels = 4, .pixels = {}};
  for (int i = 0; i < 7 * 5; ++i) image.pixels.insert(image.pixels.end(), {200, 10, 90, 255});
  for (const int size : {1, 2, 5, 16}) {
    const auto pixels = square_picture(image, size);
    ASSERT_EQ(pixels.size(), static_cast<size_t>(size * size * 3));
    for (size_t i = 0; i < pixels.size(); i += 3) {
      EXPECT_NEAR(pixels[i], value_of(200), 1e-5);
      EXPECT_NEAR(pixels[i + 2], value_of(90), 1e-5);
    }
  }
}

TEST(SquarePicture, WhatIsTransparentIsWhite) {
  const formats::Image clear{.width = 1, .height = 1, .channels = 4, .pixels = {5, 5, 5, 0}};
  EXPECT_EQ(square_picture(clear, 3), std::vector<float>(27, 1.0f));
}

}  // namespace
}  // namespace edgefusion::shards
