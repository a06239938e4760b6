#include "quant/hadamard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

TEST(Hadamard, IsSylvestersMatrix) {
  constexpr uint32_t kBlock = 16;
  for (uint32_t j = 0; j < kBlock; ++j) {
    std::vector<float> unit(kBlock, 0.0f);
    unit[j] = 1;
    apply_hadamard(unit, kBlock, kBlock);
    for (uint32_t i = 0; i < kBlock; ++i) {
      EXPECT_EQ(unit[i], std::popcount(i & j) % 2 == 0 ? 0.25f : -0.25f) << i << " " << j;
    }
  }
}

TEST(Hadamard, TwiceIsNothing) {
  RandomValues random(1);
  for (const int64_t block : {1, 2, 8, 64, 128}) {
    const std::vector<float> before = random.normals(3 * 256);
    std::vector<float> values = before;
    apply_hadamard(values, 256, block);
    apply_hadamard(values, 256, block);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], before[i], 2e-6) << block;
  }
}

TEST(Hadamard, OfBothSidesKeepsTheProduct) {
  RandomValues random(2);
  std::vector<float> x = random.normals(96), w = random.normals(96);
  const auto product = [&] {
    double sum = 0;
    for (size_t i = 0; i < 96; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(w[i]);
    return sum;
  };
  const double before = product();
  apply_hadamard(x, 96, 32);
  apply_hadamard(w, 96, 32);
  EXPECT_NEAR(product(), before, 1e-5);
}

TEST(Hadamard, SpreadsAnOutlierOverItsBlockAlone) {
  std::vector<float> x(128, 0.0f);
  x[70] = 64;
  apply_hadamard(x, 128, 64);
  for (size_t i = 0; i < 128; ++i) EXPECT_EQ(std::fabs(x[i]), i < 64 ? 0.0f : 8.0f);
}

}  // namespace
}  // namespace edgefusion::quant
