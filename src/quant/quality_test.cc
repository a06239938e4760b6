#include "quant/quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

formats::Image flat(int side, uint8_t level, int channels = 3) {
  formats::Image image{.width = side, .height = side, .channels = channels};
  image.pixels.assign(static_cast<size_t>(side * side * channels), level);
  return image;
}

formats::Image noisy(uint64_t seed, int width, int height) {
  RandomValues random(seed);
  formats::Image image{.width = width, .height = height};
  for (int i = 0; i < width * height * 3; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(random.below(256)));
  }
  return image;
}

TEST(Quality, PsnrIsTheRatioToTheLargestDifference) {
  EXPECT_NEAR(psnr_db(flat(4, 0), flat(4, 255)), 0.0, 1e-12);
  EXPECT_NEAR(psnr_db(flat(4, 100), flat(4, 110)), 20 * std::log10(25.5), 1e-9);
  EXPECT_EQ(psnr_db(flat(4, 7), flat(4, 7)), INFINITY);
}

TEST(Quality, SsimOfEqualPicturesIsOne) {
  const formats::Image image = noisy(1, 20, 13);
  EXPECT_NEAR(ssim(image, image), 1.0, 1e-12);
}

TEST(Quality, SsimOfFlatPicturesKnowsBrightnessAlone) {
  // (2 * 0 * 255 + c1) / (255^2 + c1), c1 = (0.01 * 255)^2.
  EXPECT_NEAR(ssim(flat(12, 0), flat(12, 255)), 1e-4 / (1 + 1e-4), 1e-9);
}

TEST(Quality, SsimIsThatOfTheFormulaInOneWindow) {
  const formats::Image a = noisy(2, 11, 11), b = noisy(3, 11, 11);
  double sum = 0;
  for (size_t c = 0; c < 3; ++c) {
    double weight = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < 121; ++i) {
      const double dx = i % 11 - 5, dy = i / 11 - 5;
      const double w = std::exp(-(dx * dx + dy * dy) / 4.5);
      const double p = a.pixels[static_cast<size_t>(i) * 3 + c];
      const double q = b.pixels[static_cast<size_t>(i) * 3 + c];
      weight += w;
      x += w * p;
      y += w * q;
      xx += w * p * p;
      yy += w * q * q;
      xy += w * p * q;
    }
    for (double* value : {&x, &y, &xx, &yy, &xy}) *value /= weight;
    sum += (2 * x * y + 6.5025) * (2 * (xy - x * y) + 58.5225) /
           ((x * x + y * y + 6.5025) * (xx - x * x + yy - y * y + 58.5225));
  }
  EXPECT_NEAR(ssim(a, b), sum / 3, 1e-9);
}

TEST(Quality, SsimFallsWithNoise) {
  const formats::Image image = noisy(4, 32, 24);
  double before = 1;
  for (const int step : {3, 10, 40}) {
    formats::Image worse = image;
    for (size_t i = 0; i < worse.pixels.size(); i += 2) {
      worse.pixels[i] = static_cast<uint8_t>(std::min(worse.pixels[i] + step, 255));
    }
    EXPECT_LT(ssim(image, worse), before);
    before = ssim(image, worse);
  }
}

TEST(Quality, SqnrOfTensors) {
  const std::vector<float> exact = {3, 4}, worse = {3, 4.5f};
  EXPECT_NEAR(sqnr_db(exact, worse), 20.0, 1e-9);
  EXPECT_EQ(sqnr_db(exact, exact), INFINITY);
  const std::vector<float> broken = {NAN, 4}, zeros = {0, 0};
  EXPECT_EQ(sqnr_db(exact, broken), -INFINITY);
  EXPECT_EQ(sqnr_db(zeros, exact), -INFINITY);
  EXPECT_EQ(sqnr_db(zeros, zeros), 0.0);
}

}  // namespace
}  // namespace edgefusion::quant
