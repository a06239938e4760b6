#include "quant/error_feedback.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quant/input_moments.h"
#include "quant/palette.h"
#include "quant/testing/random_values.h"
#include "quant/weight_rounding.h"

namespace edgefusion::quant {
namespace {

/// Inputs [rows, width] that are mixtures of few sources, as activations are.
std::vector<float> correlated_inputs(uint64_t seed, size_t rows, size_t width) {
  RandomValues random(seed);
  const size_t sources = width / 4 + 1;
  const std::vector<float> mix = random.normals(sources * width);
  std::vector<float> x = random.normals(rows * width, 0.3);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t s = 0; s < sources; ++s) {
      const auto amount = static_cast<float>(random.normal());
      for (size_t c = 0; c < width; ++c) x[row * width + c] += amount * mix[s * width + c];
    }
  }
  return x;
}

std::vector<float> products_of(const std::vector<float>& x, int64_t width) {
  InputMoments moments(width, InputMoments::Kind::products);
  moments.observe(x);
  return moments.products();
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(InputMoments, AreThoseOfTheRows) {
  const std::vector<float> x = correlated_inputs(1, 1500, 7);
  InputMoments moments(7, InputMoments::Kind::products);
  moments.observe(std::span(x).first(7 * 600));
  moments.observe(std::span(x).subspan(7 * 600));
  EXPECT_EQ(moments.rows(), 1500);
  const auto products = moments.products();
  for (size_t i = 0; i < 7; ++i) {
    double mean = 0;
    std::vector<double> row(7, 0.0);
    for (size_t n = 0; n < x.size(); n += 7) {
      mean += static_cast<double>(x[n + i]) / 1500;
      for (size_t j = 0; j < 7; ++j) row[j] += static_cast<double>(x[n + i] * x[n + j]) / 1500;
    }
    EXPECT_NEAR(moments.means()[i], mean, 1e-9);
    EXPECT_NEAR(moments.mean_squares()[i], row[i], 1e-6);
    for (size_t j = 0; j < 7; ++j) EXPECT_NEAR(products[i * 7 + j], row[j], 1e-5);
  }
}

TEST(OutputError, IsThatOfTheOutputs) {
  constexpr size_t kRows = 200, kDepth = 12, kOutputs = 3;
  const std::vector<float> x = correlated_inputs(2, kRows, kDepth);
  RandomValues random(3);
  const std::vector<float> w = random.normals(kOutputs * kDepth),
                           rounded = random.normals(kOutputs * kDepth);
  const auto products = products_of(x, kDepth);
  const ColumnMoments block = linear_moments(products, kDepth);
  const auto errors = output_error({w, kOutputs, kDepth}, rounded, std::span(&block, 1));
  for (size_t o = 0; o < kOutputs; ++o) {
    double power = 0;
    for (size_t n = 0; n < x.size(); n += kDepth) {
      double error = 0;
      for (size_t k = 0; k < kDepth; ++k) {
        error += static_cast<double>((w[o * kDepth + k] - rounded[o * kDepth + k]) * x[n + k]);
      }
      power += error * error / kRows;
    }
    EXPECT_NEAR(errors[o], power, 1e-4 * power);
  }
}

TEST(ErrorFeedback, LowersTheOutputErrorOfEveryKindOfCodes) {
  constexpr int64_t kDepth = 96, kOutputs = 20;
  const std::vector<float> x = correlated_inputs(4, 2000, kDepth);
  const auto products = products_of(x, kDepth);
  const ColumnMoments block = linear_moments(products, kDepth);
  const auto blocks = std::span(&block, 1);
  RandomValues random(5);
  const std::vector<float> values = random.normals(kOutputs * kDepth);
  const WeightMatrix weights{values, kOutputs, kDepth};
  const auto improve = [&](auto codes, double expected) {
    const auto before = output_error(weights, to_values(codes), blocks);
    round_with_feedback(weights, blocks, {}, codes);
    const auto after = output_error(weights, to_values(codes), blocks);
    for (size_t o = 0; o < after.size(); ++o) EXPECT_LE(after[o], before[o] * (1 + 1e-5));
    EXPECT_LT(sum(after), expected * sum(before));
  };
  improve(round_channels(weights, ClipMethod::largest), 0.4);
  improve(round_groups(weights, 32), 0.4);
  improve(palettize(weights, 4, 16), 0.4);
}

TEST(ErrorFeedback, ComesNearTheBestOfAllCodes) {
  constexpr int64_t kDepth = 5;
  double found = 0, nearest = 0, best = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto products = products_of(correlated_inputs(seed, 100, kDepth), kDepth);
    const ColumnMoments block = linear_moments(products, kDepth);
    const auto blocks = std::span(&block, 1);
    RandomValues random(seed + 100);
    const std::vector<float> values = random.normals(kDepth);
    const WeightMatrix weights{values, 1, kDepth};
    GroupCodes codes = round_groups(weights, kDepth);
    nearest += sum(output_error(weights, to_values(codes), blocks));
    double least = 1e30;
    GroupCodes any = codes;
    for (int i = 0; i < 1 << (4 * kDepth); ++i) {
      for (int k = 0; k < kDepth; ++k) {
        any.codes[static_cast<size_t>(k)] = static_cast<int8_t>((i >> (4 * k) & 15) - 8);
      }
      const std::vector<float> tried = to_values(any);
      double error = 0;
      for (size_t a = 0; a < kDepth; ++a) {
        for (size_t b = 0; b < kDepth; ++b) {
          error += static_cast<double>((values[a] - tried[a]) * products[a * kDepth + b] *
                                       (values[b] - tried[b]));
        }
      }
      least = std::min(least, error);
    }
    best += least;
    round_with_feedback(weights, blocks, {}, codes);
    found += sum(output_error(weights, to_values(codes), blocks));
  }
  EXPECT_LT(found, 0.8 * nearest);
  EXPECT_LT(found, 2 * best);
}

TEST(ErrorFeedback, WithUncorrelatedInputsIsRoundingToNearest) {
  std::vector<float> products(64, 0.0f);
  for (size_t i = 0; i < 8; ++i) products[i * 9] = static_cast<float>(i + 1);
  const ColumnMoments block = linear_moments(products, 8);
  RandomValues random(6);
  const std::vector<float> values = random.normals(4 * 8);
  const WeightMatrix weights{values, 4, 8};
  ChannelCodes codes = round_channels(weights, ClipMethod::largest);
  const std::vector<int8_t> nearest = codes.codes;
  round_with_feedback(weights, std::span(&block, 1), {}, codes);
  EXPECT_EQ(codes.codes, nearest);
}

TEST(ErrorFeedback, TapsOfAConvolutionAreRoundedApart) {
  constexpr int64_t kInputs = 24, kTaps = 9, kOutputs = 6;
  const auto products = products_of(correlated_inputs(7, 1000, kInputs), kInputs);
  RandomValues random(8);
  const std::vector<float> values = random.normals(kOutputs * kInputs * kTaps);
  const WeightMatrix weights{values, kOutputs, kInputs * kTaps};
  const auto blocks = tap_moments(products, kInputs, kTaps);
  GroupCodes codes = round_groups(weights, 27);
  const double before = sum(output_error(weights, to_values(codes), blocks));
  round_with_feedback(weights, blocks, {}, codes);
  EXPECT_LT(sum(output_error(weights, to_values(codes), blocks)), 0.6 * before);
}

TEST(ErrorFeedback, ChannelsWithoutInputsAndSingularMomentsAreFine) {
  // Twice the same input, and two that are always 0.
  const std::vector<float> products = {2, 2, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const ColumnMoments block = linear_moments(products, 4);
  const std::vector<float> values = {0.3f, 0.4f, 0.77f, -1};
  const WeightMatrix weights{values, 1, 4};
  ChannelCodes codes = round_channels(weights, ClipMethod::largest);
  const ChannelCodes before = codes;
  round_with_feedback(weights, std::span(&block, 1), {}, codes);
  EXPECT_EQ(codes.codes[2], before.codes[2]);
  EXPECT_NEAR(codes.value(0, 0) + codes.value(0, 1), 0.7, 0.5 / 127);
  const std::vector<float> nothing(16, 0.0f);
  const ColumnMoments silent = linear_moments(nothing, 4);
  codes = before;
  round_with_feedback(weights, std::span(&silent, 1), {}, codes);
  EXPECT_EQ(codes.codes, before.codes);
}

}  // namespace
}  // namespace edgefusion::quant
