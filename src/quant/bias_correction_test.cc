#include "quant/bias_correction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/input_moments.h"
#include "quant/testing/random_values.h"
#include "quant/weight_rounding.h"

namespace edgefusion::quant {
namespace {

TEST(BiasCorrection, MakesTheMeanOutputThatOfTheFloatLayer) {
  constexpr size_t kInputs = 24, kOutputs = 5, kRows = 300;
  RandomValues random(1);
  std::vector<float> x = random.normals(kRows * kInputs);
  for (float& value : x) value += 2;
  const std::vector<float> w = random.normals(kOutputs * kInputs);
  const auto rounded = to_values(round_groups({w, kOutputs, kInputs}, 8));
  InputMoments moments(kInputs, InputMoments::Kind::squares_only);
  moments.observe(x);
  const LayerWeights weights{.values = w, .outputs = kOutputs, .inputs = kInputs};
  const auto bias = bias_correction(weights, rounded, moments.means());
  for (size_t o = 0; o < kOutputs; ++o) {
    double before = 0, after = 0;
    for (size_t n = 0; n < x.size(); n += kInputs) {
      for (size_t i = 0; i < kInputs; ++i) {
        const auto input = static_cast<double>(x[n + i]);
        before += input * static_cast<double>(w[o * kInputs + i] - rounded[o * kInputs + i]);
      }
    }
    before /= kRows;
    after = before - static_cast<double>(bias[o]);
    EXPECT_GT(std::abs(before), 1e-3);
    EXPECT_NEAR(after, 0, 1e-5);
  }
}

TEST(BiasCorrection, TapsOfAConvolutionReadTheSameMean) {
  const std::vector<float> w = {1, 2, 3, 4}, rounded = {1, 1, 3, 5};
  const LayerWeights weights{.values = w, .outputs = 1, .inputs = 2, .taps = 2};
  const std::vector<double> means = {10, 100};
  EXPECT_EQ(bias_correction(weights, rounded, means), (std::vector<float>{10 - 100}));
}

TEST(BiasCorrection, KnowsThatClippedInputsHaveAnotherMean) {
  const std::vector<float> w = {2};
  const LayerWeights weights{.values = w, .outputs = 1, .inputs = 1};
  const std::vector<double> means = {5}, clipped = {4.5};
  EXPECT_EQ(bias_correction(weights, w, means, clipped), (std::vector<float>{1}));
}

}  // namespace
}  // namespace edgefusion::quant
