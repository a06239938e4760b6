#include "quant/choose_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

RangeHistogram histogram_of(const std::vector<float>& values) {
  RangeHistogram histogram;
  histogram.add(values);
  return histogram;
}

/// As kernels/quantize/quantize.h says, and back.
float through_u8(float value, ActivationScale scale) {
  const float steps = std::nearbyint(value * (1 / scale.scale));
  const float q = std::clamp(steps + static_cast<float>(scale.zero_point), 0.0f, 255.0f);
  return (q - static_cast<float>(scale.zero_point)) * scale.scale;
}

double measured_noise(const std::vector<float>& values, ActivationScale scale) {
  double sum = 0;
  for (const float x : values) {
    const double error = static_cast<double>(x) - static_cast<double>(through_u8(x, scale));
    sum += error * error;
  }
  return sum / static_cast<double>(values.size());
}

constexpr RangeMethod kMethods[] = {RangeMethod::min_max, RangeMethod::percentile_99_9,
                                    RangeMethod::percentile_99_99, RangeMethod::least_error};

TEST(ToScale, ZeroIsAlwaysAStep) {
  RandomValues random(1);
  for (int i = 0; i < 1000; ++i) {
    const auto a = static_cast<float>(random.normal()), b = static_cast<float>(random.normal());
    const ActivationScale scale = to_scale({std::min(a, b), std::max(a, b)});
    EXPECT_EQ(through_u8(0, scale), 0.0f);
    EXPECT_GE(scale.zero_point, 0);
    EXPECT_LE(scale.zero_point, 255);
    EXPECT_LE(scale.lowest(), std::min({a, b, 0.0f}) + scale.scale * 0.51f);
    EXPECT_GE(scale.highest(), std::max({a, b, 0.0f}) - scale.scale * 0.51f);
  }
}

TEST(ToScale, OneSidedRangesUseAllSteps) {
  EXPECT_EQ(to_scale({1, 255}).zero_point, 0);
  EXPECT_EQ(to_scale({1, 255}).scale, 1.0f);
  EXPECT_EQ(to_scale({-510, -3}).zero_point, 255);
  EXPECT_EQ(to_scale({-510, -3}).scale, 2.0f);
}

TEST(ToScale, RangesOfNothingHaveAScaleAllTheSame) {
  for (const float x : {0.0f, 1e-45f, 1e-40f}) {
    const ActivationScale scale = to_scale({-x, x});
    EXPECT_EQ(scale.scale, 1.0f);
    EXPECT_TRUE(std::isfinite(1 / scale.scale));
  }
  EXPECT_TRUE(std::isfinite(to_scale({-3e38f, 3e38f}).scale));
}

TEST(ChooseRange, ExpectedNoiseIsWhatRoundingCosts) {
  RandomValues random(2);
  std::vector<float> values = random.normals(200000);
  const RangeHistogram histogram = histogram_of(values);
  for (const float high : {0.5f, 2.0f, 3.0f, 5.0f}) {
    const ActivationScale scale = to_scale({-high * 0.7f, high});
    const double measured = measured_noise(values, scale);
    EXPECT_NEAR(expected_noise(histogram, scale), measured, 0.02 * measured) << high;
  }
}

TEST(ChooseRange, LeastErrorIsNoWorseThanAnyOther) {
  RandomValues random(3);
  for (int kind = 0; kind < 4; ++kind) {
    std::vector<float> values = random.normals(20000);
    for (float& x : values) {
      if (kind == 1) x = std::max(x, 0.0f);                             // relu
      if (kind == 2) x = x * x * x;                                     // long tails
      if (kind == 3 && random.below(5000) == 0) x = x < 0 ? -10 : 823;  // a token unlike all others
    }
    const RangeHistogram histogram = histogram_of(values);
    const double least = choose_range(histogram, RangeMethod::least_error).sqnr_db;
    for (const RangeMethod method : kMethods) {
      EXPECT_GE(least, choose_range(histogram, method).sqnr_db - 1e-9) << kind;
    }
    double best = 0;
    for (int i = 1; i <= 64; ++i) {
      for (int j = 1; j <= 64; ++j) {
        const ActivationRange range{histogram.lowest() * static_cast<float>(i) / 64,
                                    histogram.highest() * static_cast<float>(j) / 64};
        best = std::max(best, judge_range(histogram, range).sqnr_db);
      }
    }
    EXPECT_GE(least, best - 0.05) << kind;
  }
}

TEST(ChooseRange, MinMaxClipsNothing) {
  RandomValues random(4);
  const RangeHistogram histogram = histogram_of(random.normals(1000));
  const ChosenRange chosen = choose_range(histogram, RangeMethod::min_max);
  EXPECT_EQ(chosen.range.low, histogram.lowest());
  EXPECT_EQ(chosen.range.high, histogram.highest());
  EXPECT_LT(chosen.clipped_share, 0.0011) << "at most the last value, by what rounding takes";
}

TEST(ChooseRange, PercentilesCutTheirShareOfTheTails) {
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 1000;
  values[0] = -10000;
  values[99999] = 10000;
  const RangeHistogram histogram = histogram_of(values);
  const ChosenRange wide = choose_range(histogram, RangeMethod::percentile_99_99);
  const ChosenRange narrow = choose_range(histogram, RangeMethod::percentile_99_9);
  EXPECT_NEAR(wide.range.high, 100, 16) << "of the width of a bin";
  EXPECT_NEAR(narrow.range.high, 100, 16);
  EXPECT_NEAR(narrow.range.low, 0, 16);
  EXPECT_NEAR(wide.clipped_share, 2e-5, 1e-6);
  EXPECT_GT(wide.sqnr_db, -100);
}

TEST(ChooseRange, TellsHowMuchIsClipped) {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const RangeHistogram histogram = histogram_of(values);
  EXPECT_NEAR(judge_range(histogram, {0, 249.5f}).clipped_share, 0.75, 0.002);
  EXPECT_NEAR(judge_range(histogram, {0, 999}).clipped_share, 0.0, 1e-9);
}

TEST(ChooseRange, OfOneValueLosesNothing) {
  for (const float x : {0.0f, 1.0f, -3.0f}) {
    for (const RangeMethod method : kMethods) {
      const std::vector<float> values(10, x);
      const ChosenRange chosen = choose_range(histogram_of(values), method);
      EXPECT_NEAR(through_u8(x, chosen.scale), x, 1e-6) << x;
      EXPECT_TRUE(x == 0 || chosen.sqnr_db > 100) << x << " " << chosen.sqnr_db;
    }
  }
}

TEST(ChooseRange, OfNoValuesIsZero) {
  for (const RangeMethod method : kMethods) {
    const ChosenRange chosen = choose_range(RangeHistogram(), method);
    EXPECT_EQ(chosen.scale.scale, 1.0f);
    EXPECT_EQ(chosen.clipped_share, 0.0);
    EXPECT_EQ(chosen.sqnr_db, 0.0);
  }
}

}  // namespace
}  // namespace edgefusion::quant
