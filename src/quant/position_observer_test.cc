#include "quant/position_observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

/// B^T of F(2x2,3x3) (Lavin and Gray 2016).
constexpr int kB[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};

struct Sizes {
  int64_t images, height, width, channels;
};

Tensor random_picture(const Sizes& sizes, uint64_t seed) {
  RandomValues random(seed);
  Tensor x(Shape{sizes.images, sizes.height, sizes.width, sizes.channels}, DType::f32);
  for (float& value : x.values<float>()) value = static_cast<float>(random.below(17)) - 8;
  return x;
}

/// Lowest, highest and number of the values at each position, as the matrix says.
struct Reference {
  std::array<float, kPatchPositions> low, high;
  int64_t count = 0;
};

Reference by_matrices(const Tensor& x, const Sizes& sizes, int scale) {
  Reference reference;
  reference.low.fill(INFINITY);
  reference.high.fill(-INFINITY);
  const auto value_at = [&](int64_t n, int64_t y, int64_t c, int64_t channel) {
    if (y < 0 || c < 0 || y >= scale * sizes.height || c >= scale * sizes.width) return 0.0f;
    const int64_t pixel = (n * sizes.height + y / scale) * sizes.width + c / scale;
    return x.values<float>()[static_cast<size_t>(pixel * sizes.channels + channel)];
  };
  for (int64_t n = 0; n < sizes.images; ++n) {
    for (int64_t y = -1; y + 1 < scale * sizes.height; y += 2) {
      for (int64_t c = -1; c + 1 < scale * sizes.width; c += 2) {
        for (int64_t channel = 0; channel < sizes.channels; ++channel) {
          ++reference.count;
          for (size_t p = 0; p < kPatchPositions; ++p) {
            float sum = 0;
            for (int i = 0; i < 4; ++i) {
              for (int j = 0; j < 4; ++j) {
                sum += static_cast<float>(kB[p / 4][i] * kB[p % 4][j]) *
                       value_at(n, y + i, c + j, channel);
              }
            }
            reference.low[p] = std::min(reference.low[p], sum);
            reference.high[p] = std::max(reference.high[p], sum);
          }
        }
      }
    }
  }
  return reference;
}

TEST(PositionObserver, SeesWhatTheTransformGivesAlsoOfEnlargedPictures) {
  uint64_t seed = 0;
  for (const Sizes& sizes : {Sizes{1, 4, 4, 1}, Sizes{2, 5, 3, 3}, Sizes{1, 1, 1, 2}}) {
    for (const bool enlarged : {false, true}) {
      const Tensor x = random_picture(sizes, ++seed);
      PositionObserver observer;
      observer.observe(x.view(), enlarged);
      const Reference expected = by_matrices(x, sizes, enlarged ? 2 : 1);
      for (size_t p = 0; p < kPatchPositions; ++p) {
        EXPECT_EQ(observer.histogram(p).lowest(), expected.low[p]) << p;
        EXPECT_EQ(observer.histogram(p).highest(), expected.high[p]) << p;
        int64_t count = 0;
        for (const auto& bin : observer.histogram(p).bins()) count += bin.count;
        EXPECT_EQ(count, expected.count) << p;
      }
    }
  }
}

TEST(PositionObserver, ScalesReachTheLargestUnlessItIsAlone) {
  EXPECT_EQ(position_scales(PositionObserver()), std::vector<float>(16, 1.0f));
  const Sizes sizes = {1, 256, 256, 8};
  Tensor x = random_picture(sizes, 9);
  PositionObserver observer;
  observer.observe(x.view(), false);
  const std::vector<float> scales = position_scales(observer);
  for (size_t p = 0; p < kPatchPositions; ++p) {
    const auto& seen = observer.histogram(p);
    const float largest = std::max(-seen.lowest(), seen.highest());
    EXPECT_LE(scales[p], largest / 127 * 1.0001f) << p;
    EXPECT_GE(scales[p], 0.5f * largest / 127) << p;
  }
  constexpr float kLargest = 2000;  // as no other value
  x.values<float>()[(100 * 256 + 100) * 8] = kLargest;
  PositionObserver outlier;
  outlier.observe(x.view(), false);
  // n (t / 127)^2 / 12 + (largest - t)^2 is least at:
  const float count = 129 * 129 * 8;
  const float best = kLargest / (1 + count / (12 * 127 * 127));
  // The outlier is alone at positions of sums; its neighbours add at most 3 * 8.
  EXPECT_NEAR(position_scales(outlier)[5], best / 127, 0.05f * best / 127);
}

}  // namespace
}  // namespace edgefusion::quant
