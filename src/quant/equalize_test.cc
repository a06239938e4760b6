#include "quant/equalize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/choose_range.h"
#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

std::vector<ChannelRange> ranges_of(const std::vector<float>& largest) {
  std::vector<ChannelRange> ranges;
  for (const float x : largest) ranges.push_back({-x, x});
  return ranges;
}

/// A linear layer, quantised and run on random inputs: mean square of the output error.
double measured_error(const LayerWeights& weights, const std::vector<float>& x,
                      std::span<const float> factors) {
  const auto inputs = static_cast<size_t>(weights.inputs);
  float low = 0, high = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    low = std::min(low, x[i] / factors[i % inputs]);
    high = std::max(high, x[i] / factors[i % inputs]);
  }
  const ActivationScale scale = to_scale({low, high});
  double sum = 0;
  for (int64_t o = 0; o < weights.outputs; ++o) {
    const auto row = weights.values.subspan(static_cast<size_t>(o) * inputs, inputs);
    float largest = 0;
    for (size_t c = 0; c < inputs; ++c) {
      largest = std::max(largest, std::fabs(row[c] * factors[c]));
    }
    const float step = largest / 127;
    for (size_t n = 0; n < x.size(); n += inputs) {
      double error = 0;
      for (size_t c = 0; c < inputs; ++c) {
        const float q = std::clamp(std::nearbyint(x[n + c] / factors[c] / scale.scale) +
                                       static_cast<float>(scale.zero_point),
                                   0.0f, 255.0f);
        const float xq = (q - static_cast<float>(scale.zero_point)) * scale.scale;
        const float wq = std::nearbyint(row[c] * factors[c] / step) * step;
        error += static_cast<double>(xq) * static_cast<double>(wq) -
                 static_cast<double>(x[n + c]) * static_cast<double>(row[c]);
      }
      sum += error * error;
    }
  }
  return sum / static_cast<double>(x.size() / inputs);
}

TEST(SmoothingFactors, AreThoseOfTheFormula) {
  const std::vector<float> w = {1, 4, -2, 2};  // two outputs of two inputs: maxima 2 and 4
  const LayerWeights weights{.values = w, .outputs = 2, .inputs = 2};
  const auto factors = smoothing_factors(weights, ranges_of({8, 1}), 0.5);
  // sqrt(8 / 2) = 2 and sqrt(1 / 4) = 1/2: their geometric mean is 1.
  EXPECT_NEAR(factors[0], 2.0, 1e-6);
  EXPECT_NEAR(factors[1], 0.5, 1e-6);
}

TEST(SmoothingFactors, TapsOfAConvolutionShareTheirChannelsFactor) {
  const std::vector<float> w = {0.5f, 2, 1, -4};  // one output, two inputs, two taps
  const LayerWeights weights{.values = w, .outputs = 1, .inputs = 2, .taps = 2};
  const auto factors = smoothing_factors(weights, ranges_of({8, 1}), 0.5);
  EXPECT_NEAR(factors[0], 2.0, 1e-6);
  EXPECT_NEAR(factors[1], 0.5, 1e-6);
}

TEST(SmoothingFactors, ChannelsOfNothingHaveOne) {
  const std::vector<float> w = {1, 0, 3};
  const LayerWeights weights{.values = w, .outputs = 1, .inputs = 3};
  const auto factors = smoothing_factors(weights, ranges_of({0, 5, 2}), 0.5);
  EXPECT_EQ(factors[0], 1.0f);
  EXPECT_EQ(factors[1], 1.0f);
  EXPECT_TRUE(std::isfinite(factors[2]));
}

TEST(SmoothingFactors, StayWithinTheirBounds) {
  const std::vector<float> w = {1e-6f, 1e6f, 1};
  const LayerWeights weights{.values = w, .outputs = 1, .inputs = 3};
  for (const float factor : smoothing_factors(weights, ranges_of({1e8f, 1e-8f, 1}), 0.75)) {
    EXPECT_GE(factor, 1 / kMostFactor);
    EXPECT_LE(factor, kMostFactor);
  }
}

TEST(Equalization, ExpectedErrorIsNearTheMeasuredOneAndIsLowered) {
  RandomValues random(5);
  constexpr size_t kInputs = 64, kRows = 256;
  const std::vector<float> w = random.normals(32 * kInputs, 0.1);
  std::vector<float> x = random.normals(kRows * kInputs);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= i % kInputs == 3 ? 40 : i % kInputs == 9 ? 8 : 1;
  RangeObserver observer(kInputs);
  observer.observe(x);
  std::vector<double> squares(kInputs, 0.0);
  for (size_t i = 0; i < x.size(); ++i) {
    squares[i % kInputs] += static_cast<double>(x[i] * x[i]) / kRows;
  }
  const LayerWeights weights{.values = w, .outputs = 32, .inputs = kInputs};
  const InputStatistics statistics{observer.channels(), squares};
  const std::vector<float> none(kInputs, 1.0f);
  const Equalization chosen = choose_equalization(weights, statistics);
  EXPECT_GE(chosen.alpha, 0.25) << "outliers call for factors";
  const double before = measured_error(weights, x, none);
  const double after = measured_error(weights, x, chosen.factors);
  EXPECT_NEAR(expected_layer_error(weights, statistics, none) / before, 1.0, 0.15);
  EXPECT_NEAR(chosen.error / after, 1.0, 0.15);
  EXPECT_LT(after, before / 10);
}

TEST(Equalization, LeavesEvenInputsAlone) {
  const std::vector<float> w(16, 1.0f), largest(4, 2.0f);
  const std::vector<double> squares(4, 1.0);
  const auto ranges = ranges_of(largest);
  const LayerWeights weights{.values = w, .outputs = 4, .inputs = 4};
  const Equalization chosen = choose_equalization(weights, {ranges, squares});
  EXPECT_EQ(chosen.alpha, -1.0);
  EXPECT_EQ(chosen.factors, std::vector<float>(4, 1.0f));
}

TEST(Equalization, TakesTheCallersWord) {
  const std::vector<float> w = {1, 2, 3, 4};
  const auto ranges = ranges_of({9, 1});
  const LayerWeights weights{.values = w, .outputs = 2, .inputs = 2};
  int asked = 0;
  const Equalization chosen = choose_equalization(
      weights, ranges, [&](std::span<const float>) { return asked++ == 2 ? 1.0 : 2.0; });
  EXPECT_EQ(asked, 5);
  EXPECT_EQ(chosen.alpha, 0.25);
  EXPECT_EQ(chosen.error, 1.0);
}

TEST(SourceFactors, EachHalfOfAConcatUsesAllSteps) {
  const std::vector<ChannelRange> inputs = {{-1, 3}, {-2, 2}, {0, 40}, {0, 10}};
  const auto factors = source_factors(inputs, std::vector<int64_t>{0, 2});
  EXPECT_EQ(factors, (std::vector<float>{1, 1, 8, 8}));
  EXPECT_EQ(source_factors(inputs, std::vector<int64_t>{0}), std::vector<float>(4, 1.0f));
}

TEST(SourceFactors, AHalfOfZerosHasOne) {
  const std::vector<ChannelRange> inputs = {{0, 0}, {-2, 2}, {0, 8}};
  const auto factors = source_factors(inputs, std::vector<int64_t>{0, 1, 2});
  EXPECT_EQ(factors, (std::vector<float>{1, 1, 2}));
}

}  // namespace
}  // namespace edgefusion::quant
