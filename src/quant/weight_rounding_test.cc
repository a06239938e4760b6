#include "quant/weight_rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/dtype.h"
#include "quant/palette.h"
#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

double weighted_error(const WeightMatrix& weights, const std::vector<float>& values,
                      std::span<const double> importance = {}) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = static_cast<double>(weights.values[i]) - static_cast<double>(values[i]);
    sum += error * error * (importance.empty() ? 1 : importance[i % importance.size()]);
  }
  return sum;
}

TEST(RoundChannels, TheLargestOfEachOutputIsTheLargestCode) {
  const std::vector<float> values = {1, -2, 0.5f, 0, 0.1f, 0.05f, -0.1f, 0};
  const ChannelCodes codes = round_channels({values, 2, 4}, ClipMethod::largest);
  EXPECT_EQ(codes.codes, (std::vector<int8_t>{64, -127, 32, 0, 127, 64, -127, 0}));
  EXPECT_FLOAT_EQ(codes.scales[0], 2.0f / 127);
  EXPECT_FLOAT_EQ(codes.value(1, 0), 0.1f);
  EXPECT_EQ(stored_bytes(codes), 8 + 2 * 4);
}

TEST(RoundChannels, ErrorsStayWithinHalfAStep) {
  RandomValues random(6);
  const std::vector<float> values = random.normals(7 * 129);
  const ChannelCodes codes = round_channels({values, 7, 129}, ClipMethod::largest);
  const std::vector<float> back = to_values(codes);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_LE(std::fabs(values[i] - back[i]), codes.scales[i / 129] * 0.5001f);
  }
}

TEST(RoundChannels, LeastErrorClipsWhatIsRareOrDoesNotMatter) {
  RandomValues random(7);
  std::vector<float> values = random.normals(4 * 500);
  values[13] = 5.5f;
  const WeightMatrix weights{values, 4, 500};
  const auto full = round_channels(weights, ClipMethod::largest);
  const auto clipped = round_channels(weights, ClipMethod::least_error);
  EXPECT_LE(weighted_error(weights, to_values(clipped)), weighted_error(weights, to_values(full)));
  std::vector<double> importance(500, 1.0);
  importance[13] = 0;
  const auto weighed = round_channels(weights, ClipMethod::least_error, importance);
  EXPECT_LT(weighed.scales[0], full.scales[0] * 0.75f) << "the one outlier reads no input";
  EXPECT_LT(weighted_error(weights, to_values(weighed), importance),
            weighted_error(weights, to_values(full), importance));
}

TEST(RoundChannels, OutputsOfZerosHaveScaleOne) {
  const std::vector<float> values = {0, 0, 1e-44f, 0};
  for (const ClipMethod clip : {ClipMethod::largest, ClipMethod::least_error}) {
    const ChannelCodes codes = round_channels({values, 2, 2}, clip);
    EXPECT_EQ(codes.scales, (std::vector<float>{1, 1}));
    EXPECT_EQ(codes.codes, (std::vector<int8_t>(4, 0)));
  }
}

TEST(RoundGroups, EachGroupHasItsScale) {
  RandomValues random(8);
  std::vector<float> values = random.normals(3 * 70);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= i % 70 < 32 ? 100.0f : 0.01f;
  const WeightMatrix weights{values, 3, 70};
  const GroupCodes codes = round_groups(weights, 32);
  EXPECT_EQ(codes.groups(), 3);
  ASSERT_EQ(codes.scales.size(), 9u);
  for (int64_t o = 0; o < 3; ++o) {
    for (int64_t k = 0; k < 70; ++k) {
      const size_t i = static_cast<size_t>(o * 70 + k);
      EXPECT_GE(codes.codes[i], -8);
      EXPECT_LE(codes.codes[i], 7);
      const float scale = std::fabs(codes.scales[static_cast<size_t>(o * 3 + k / 32)]);
      EXPECT_LE(std::fabs(values[i] - codes.value(o, k)), scale * 3.1f);
      EXPECT_EQ(f16_to_f32(f32_to_f16(scale)), scale);
    }
  }
  EXPECT_EQ(stored_bytes(codes), 3 * (35 + 3 * 4));
}

TEST(RoundGroups, IsBetterThanTheLargestOverSeven) {
  RandomValues random(9);
  const std::vector<float> values = random.normals(64 * 32);
  const WeightMatrix weights{values, 64, 32};
  double plain = 0;
  for (size_t o = 0; o < 64; ++o) {
    float largest = 0;
    for (size_t k = 0; k < 32; ++k) largest = std::max(largest, std::fabs(values[o * 32 + k]));
    for (size_t k = 0; k < 32; ++k) {
      const float x = values[o * 32 + k], step = largest / 7;
      plain += std::pow(static_cast<double>(x - std::nearbyint(x / step) * step), 2);
    }
  }
  EXPECT_LT(weighted_error(weights, to_values(round_groups(weights, 32))), 0.9 * plain);
}

TEST(RoundGroups, OfZerosAreZeros) {
  const std::vector<float> values(40, 0.0f);
  const GroupCodes codes = round_groups({values, 1, 40}, 32);
  EXPECT_EQ(to_values(codes), values);
  EXPECT_EQ(codes.scales, (std::vector<float>{1, 1}));
}

/// The least possible error of k-means in one dimension: an exact search over where clusters end.
double exact_palette_error(std::vector<float> values, int64_t entries) {
  std::ranges::sort(values);
  const size_t n = values.size();
  std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
  best[0] = 0;
  for (int64_t e = 0; e < entries; ++e) {
    std::vector<double> next = best;
    for (size_t from = 0; from < n; ++from) {
      double sum = 0, squares = 0;
      for (size_t to = from + 1; to <= n; ++to) {
        const auto x = static_cast<double>(values[to - 1]);
        sum += x;
        squares += x * x;
        const double error = squares - sum * sum / static_cast<double>(to - from);
        next[to] = std::min(next[to], best[from] + error);
      }
    }
    best = next;
  }
  return best[n];
}

TEST(Palettize, IsTheBestPalette) {
  RandomValues random(10);
  for (const int bits : {2, 4}) {
    const std::vector<float> values = random.normals(200);
    const WeightMatrix weights{values, 2, 100};
    const PaletteCodes codes = palettize(weights, bits, 16);
    const double error = weighted_error(weights, to_values(codes));
    EXPECT_NEAR(error, exact_palette_error(values, codes.entries()), 1e-4 * error) << bits;
  }
}

TEST(Palettize, OfManyValuesIsNearTheTheoryOfNormalOnes) {
  RandomValues random(13);
  const std::vector<float> values = random.normals(16 * 4096);
  const double count = static_cast<double>(values.size());
  // Max 1960: least error of 16 and 32 levels for a normal distribution.
  const double error4 =
      weighted_error({values, 16, 4096}, to_values(palettize({values, 16, 4096}, 4, 16)));
  const double error5 =
      weighted_error({values, 16, 4096}, to_values(palettize({values, 16, 4096}, 5, 16)));
  EXPECT_NEAR(error4 / count, 0.009497, 0.0003);
  EXPECT_NEAR(error5 / count, 0.002499, 0.0001);
}

TEST(Palettize, EveryIndexIsThatOfTheNearestEntry) {
  RandomValues random(11);
  const std::vector<float> values = random.normals(37 * 24, 0.05);
  const PaletteCodes codes = palettize({values, 37, 24}, 5, 16);
  EXPECT_EQ(codes.palette_count(), 3);
  EXPECT_EQ(codes.palettes.size(), 3u * 32);
  for (int64_t o = 0; o < 37; ++o) {
    const auto palette = codes.palette_of(o);
    EXPECT_TRUE(std::ranges::is_sorted(palette));
    for (int64_t k = 0; k < 24; ++k) {
      const float x = values[static_cast<size_t>(o * 24 + k)];
      for (const float entry : palette) {
        EXPECT_LE(std::fabs(codes.value(o, k) - x), std::fabs(entry - x));
        EXPECT_EQ(f16_to_f32(f32_to_f16(entry)), entry);
      }
    }
  }
  EXPECT_EQ(stored_bytes(codes), 37 * 24 * 5 / 8 + 3 * 32 * 4);
}

TEST(Palettize, FewDifferentValuesAreKept) {
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(0.25f * static_cast<float>(i % 5));
  EXPECT_EQ(to_values(palettize({values, 4, 16}, 6, 4)), values);
  const std::vector<float> zeros(16, 0.0f);
  EXPECT_EQ(to_values(palettize({zeros, 1, 16}, 4, 16)), zeros);
}

TEST(Palettize, ServesImportantInputsFirst) {
  RandomValues random(12);
  const std::vector<float> values = random.normals(16 * 64);
  const WeightMatrix weights{values, 16, 64};
  std::vector<double> importance(64);
  for (size_t k = 0; k < 64; ++k) importance[k] = k < 8 ? 100 : 0.01;
  const auto plain = to_values(palettize(weights, 4, 16));
  const auto weighed = to_values(palettize(weights, 4, 16, importance));
  EXPECT_LT(weighted_error(weights, weighed, importance),
            weighted_error(weights, plain, importance));
}

}  // namespace
}  // namespace edgefusion::quant
