#include "data/layer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgefusion::data {
namespace {

formats::Image half_transparent(int width, int height) {
  formats::Image image{.width = width, .height = height, .channels = 4, .pixels = {}};
  for (int i = 0; i < width * height; ++i) {
    // The transparent part has another colour, which must not show.
    const bool left = i % width < width / 2;
    image.pixels.insert(image.pixels.end(), {static_cast<uint8_t>(left ? 200 : 0), 100,
                                             static_cast<uint8_t>(left ? 0 : 255),
                                             static_cast<uint8_t>(left ? 255 : 0)});
  }
  return image;
}

TEST(Layer, AtItsOwnSizeItIsThePicture) {
  formats::Image to{
      .width = 10, .height = 7, .channels = 3, .pixels = std::vector<uint8_t>(210, 9)};
  put(to, scaled_layer(half_transparent(6, 4), 6, 4), 3, 2);
  for (int y = 0; y < 7; ++y) {
    for (int x = 0; x < 10; ++x) {
      const bool covered = x >= 3 && x < 6 && y >= 2 && y < 6;
      EXPECT_EQ(to.pixels[static_cast<size_t>(3 * (10 * y + x))], covered ? 200 : 9)
          << x << " " << y;
    }
  }
}

TEST(Layer, ScalingKeepsTheMeanAndBringsNoColourOfTransparentPixels) {
  for (const auto& [width, height] : {std::pair{20, 11}, std::pair{7, 40}, std::pair{90, 90}}) {
    const Layer layer = scaled_layer(half_transparent(40, 40), width, height);
    double alpha = 0;
    for (size_t i = 0; i < layer.pixels.size(); i += 4) {
      alpha += static_cast<double>(layer.pixels[i + 3]);
      EXPECT_NEAR(layer.pixels[i + 2], 0, 1e-5);
      EXPECT_LE(layer.pixels[i], layer.pixels[i + 3]);
    }
    EXPECT_NEAR(alpha / (width * height), 0.5, 0.02);
  }
}

}  // namespace
}  // namespace edgefusion::data
