#include "quant/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quant/decibels.h"
#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

using graph::AttentionScheme;
using graph::Scheme;

constexpr Scheme kSchemes[] = {Scheme::bf16, Scheme::w8a16, Scheme::w8a8};
constexpr int kRuns = 2;

/// Layers of two networks and an attention, with costs made up. bf16 is slow, large and exact; no
/// layer is of content, and structure is lost nowhere, so that errors are noise alone.
struct MadeUp {
  LayerList list;
  Findings findings;

  explicit MadeUp(uint64_t seed, size_t layers = 5) {
    RandomValues random(seed);
    for (size_t i = 0; i < layers; ++i) {
      list.layers.push_back(
          {.network = i % 2 == 0 ? "unet" : "vae", .name = "layer" + std::to_string(i)});
      auto& found = findings.layers.emplace_back();
      found[Scheme::bf16] = {.time_ms = 2 + random.uniform(), .bytes = 2'000'000};
      for (const Scheme scheme : {Scheme::w8a16, Scheme::w8a8}) {
        found[scheme] = {.time_ms = 2.5 * random.uniform(),
                         .bytes = 1'000'000,
                         .deviation = {.mean_square = std::exp(2 * random.normal()) * 1e-4}};
      }
    }
    list.attentions.push_back({.network = "unet", .name = "attention"});
    auto& found = findings.attentions.emplace_back();
    found[AttentionScheme::bf16] = {.time_ms = 3};
    found[AttentionScheme::int8] = {.time_ms = 1, .deviation = {.mean_square = 2e-4}};
  }

  const SchemeFinding& of_layer(const Assignment& assignment, size_t i) const {
    return findings.layers[i].at(assignment.layers[i]);
  }
  const SchemeFinding& of_attention(const Assignment& assignment) const {
    return findings.attentions[0].at(assignment.attentions[0]);
  }
  double error(const Assignment& assignment) const {
    double sum = of_attention(assignment).deviation.mean_square;
    for (size_t i = 0; i < list.layers.size(); ++i) {
      sum += of_layer(assignment, i).deviation.mean_square;
    }
    return sum;
  }
  double time(const Assignment& assignment) const {
    double sum = kRuns * of_attention(assignment).time_ms;
    for (size_t i = 0; i < list.layers.size(); ++i) {
      const int runs = list.layers[i].network == "unet" ? kRuns : 1;
      sum += runs * of_layer(assignment, i).time_ms;
    }
    return sum;
  }

  template <typename Use>
  void for_each_assignment(const Use& use) const {
    Assignment assignment = all_bf16(list);
    size_t count = 2;
    for (size_t i = 0; i < list.layers.size(); ++i) count *= std::size(kSchemes);
    for (size_t number = 0; number < count; ++number) {
      size_t rest = number / 2;
      assignment.attentions[0] = number % 2 == 0 ? AttentionScheme::bf16 : AttentionScheme::int8;
      for (Scheme& scheme : assignment.layers) {
        scheme = kSchemes[rest % std::size(kSchemes)];
        rest /= std::size(kSchemes);
      }
      use(assignment);
    }
  }

  /// Painting finds what was predicted, `lost_db` worse.
  auto painting(double lost_db = 0) const {
    return [this, lost_db](const Assignment& assignment) -> Result<Deviation> {
      const double square = error(assignment) * std::pow(10.0, lost_db / 10);
      return Deviation{.psnr_db = ratio_db(1.0, square), .ssim = 0.9, .mean_square = square};
    };
  }

  SearchResult run(const SearchGoal& goal, double lost_db = 0, const RecipeChoices& recipe = {},
                   const FixedCosts& fixed = {}) const {
    auto result = search(list, findings, recipe, goal, kRuns, fixed, painting(lost_db));
    EF_CHECK(result.has_value(), result.error().message());
    return std::move(*result);
  }
};

TEST(Search, IsTheFastestOfAllThatHoldWhatWasAsked) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const MadeUp made(seed);
    const double wanted = 28 + static_cast<double>(seed % 12);
    double fastest = std::numeric_limits<double>::infinity();
    made.for_each_assignment([&](const Assignment& assignment) {
      const bool holds = ratio_db(1.0, made.error(assignment)) >= wanted;
      if (holds) fastest = std::min(fastest, made.time(assignment));
    });
    const SearchResult result = made.run({.min_psnr_db = wanted});
    ASSERT_TRUE(result.met) << seed;
    EXPECT_GE(result.psnr_db, wanted) << seed;
    EXPECT_NEAR(result.time_ms, fastest, 1e-9) << seed;
    EXPECT_NEAR(result.time_ms, made.time(result.assignment), 1e-9) << seed;
  }
}

TEST(Search, UnderALimitOfTimeOrSizeHasTheLeastError) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const MadeUp made(seed);
    const FixedCosts fixed = {.ms = 4, .megabytes = 1};
    const double limit = fixed.ms + 10 + static_cast<double>(seed % 8);
    double least = std::numeric_limits<double>::infinity();
    made.for_each_assignment([&](const Assignment& assignment) {
      const bool holds = fixed.ms + made.time(assignment) <= limit;
      if (holds) least = std::min(least, made.error(assignment));
    });
    const SearchResult result = made.run({.max_ms = limit}, 0, {}, fixed);
    ASSERT_EQ(result.met, std::isfinite(least)) << seed;
    if (!result.met) continue;
    EXPECT_LE(result.time_ms, limit) << seed;
    EXPECT_NEAR(made.error(result.assignment), least, 1e-12) << seed;
  }
  const MadeUp made(1);
  const SearchResult small = made.run({.max_mb = 8.0}, 0, {}, {.ms = 0, .megabytes = 1});
  EXPECT_TRUE(small.met);
  EXPECT_LE(small.megabytes, 8.0);  // two layers of five stay in 2 MB
  EXPECT_EQ(std::ranges::count(small.assignment.layers, Scheme::bf16), 2);
}

TEST(Search, MovesItsLimitUntilWhatIsPaintedHolds) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const MadeUp made(seed);
    const SearchResult result = made.run({.min_psnr_db = 32}, 3);
    ASSERT_TRUE(result.met) << seed;
    EXPECT_GE(result.psnr_db, 32) << seed;
    EXPECT_NEAR(result.psnr_db, result.predicted_psnr_db - 3, 1e-9) << seed;
  }
}

TEST(Search, TakesNothingThatIsExcludedUnlessARecipeSaysSo) {
  MadeUp made(3);
  for (auto& layer : made.findings.layers) layer.at(Scheme::w8a8).excluded = "cuts off 9 %";
  const SearchResult result = made.run({.min_psnr_db = 1});
  EXPECT_EQ(std::ranges::count(result.assignment.layers, Scheme::w8a8), 0);
  RecipeChoices recipe;
  recipe.layers.assign(5, std::nullopt);
  recipe.layers[2] = Scheme::w8a8;
  recipe.layers[3] = Scheme::bf16;
  recipe.layers[4] = Scheme::palette4;  // not possible there
  recipe.attention = {AttentionScheme::bf16};
  const SearchResult fixed = made.run({.min_psnr_db = 1}, 0, recipe);
  EXPECT_EQ(fixed.assignment.layers[2], Scheme::w8a8);
  EXPECT_EQ(fixed.assignment.layers[3], Scheme::bf16);
  EXPECT_EQ(fixed.assignment.layers[4], Scheme::bf16);
  EXPECT_EQ(fixed.assignment.attentions[0], AttentionScheme::bf16);
}

TEST(Search, WhatCannotBeReachedNamesTheNearest) {
  MadeUp made(4);
  for (auto& layer : made.findings.layers) layer.at(Scheme::bf16).deviation.mean_square = 1e-5;
  double least = std::numeric_limits<double>::infinity();
  made.for_each_assignment(
      [&](const Assignment& assignment) { least = std::min(least, made.error(assignment)); });
  const SearchResult result = made.run({.min_psnr_db = 70});
  EXPECT_FALSE(result.met);
  EXPECT_NEAR(result.psnr_db, ratio_db(1.0, least), 1e-3);
  const std::string nearest = std::to_string(result.psnr_db).substr(0, 2);
  EXPECT_NE(result.unmet.find("cannot be reached: 70.0 dB; the nearest is " + nearest),
            std::string::npos)
      << result.unmet;
  const SearchResult fast = made.run({.max_ms = 0.5, .max_mb = 2}, 0, {}, {.ms = 1});
  EXPECT_FALSE(fast.met);
  EXPECT_NE(fast.unmet.find("cannot be reached: 0.5 ms 2.0 MB; the nearest is"), std::string::npos)
      << fast.unmet;
}

TEST(Search, KeepsLimitsOnWhatIsMeasuredAsAWhole) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const MadeUp made(seed);
    // A picture takes more than its steps, and a bundle has more than its weights.
    const WholeCosts whole = {
        .picture_ms = [&](const Assignment& a) -> Result<double> { return 1.3 * made.time(a) + 1; },
        .bundle_bytes = [&](const Assignment& a) -> Result<int64_t> {
          int64_t bytes = 123'456;
          for (size_t i = 0; i < a.layers.size(); ++i) bytes += made.of_layer(a, i).bytes + 777;
          return bytes;
        }};
    const auto in_time =
        search(made.list, made.findings, {}, {.max_ms = 18.0}, kRuns, {}, made.painting(), whole);
    ASSERT_TRUE(in_time);
    ASSERT_TRUE(in_time->met) << seed << in_time->unmet;
    EXPECT_LE(*whole.picture_ms(in_time->assignment), 18.0) << seed;
    EXPECT_EQ(in_time->whole_ms, *whole.picture_ms(in_time->assignment));
    const auto in_size =
        search(made.list, made.findings, {}, {.max_mb = 8.0}, kRuns, {}, made.painting(), whole);
    ASSERT_TRUE(in_size);
    ASSERT_TRUE(in_size->met) << seed << in_size->unmet;
    EXPECT_LE(*whole.bundle_bytes(in_size->assignment), 8'000'000) << seed;
    // 8.0 MB would be three in two bytes by weights alone; two of them are the most that fits.
    EXPECT_EQ(std::ranges::count(in_size->assignment.layers, Scheme::bf16), 2) << seed;
  }
}

TEST(Search, ANearestSizeThatIsNamedCanBeReached) {
  const MadeUp made(7);
  const WholeCosts whole = {.bundle_bytes = [](const Assignment& a) -> Result<int64_t> {
    return 5'012'345 + 1'000'000 * std::ranges::count(a.layers, Scheme::bf16);
  }};
  const auto run = [&](double limit) {
    auto result =
        search(made.list, made.findings, {}, {.max_mb = limit}, kRuns, {}, made.painting(), whole);
    EF_CHECK(result.has_value(), "painting does not fail");
    return std::move(*result);
  };
  const SearchResult result = run(5);
  EXPECT_FALSE(result.met);
  EXPECT_NE(result.unmet.find("5.012345 MB"), std::string::npos) << result.unmet;
  EXPECT_TRUE(run(5.012345).met);
}

TEST(Search, TakesF32WhereBf16AloneIsNotEnough) {
  MadeUp made(8);
  made.findings.attentions[0].at(AttentionScheme::int8).deviation.mean_square = 0;
  for (auto& layer : made.findings.layers) {
    layer[Scheme::f32] = {.time_ms = 5, .bytes = 4'000'000, .deviation = {.mean_square = 1e-5}};
  }
  const auto error = [&](const Assignment& a) {
    double sum = 0;
    for (size_t i = 0; i < a.layers.size(); ++i) {
      if (a.layers[i] != Scheme::f32) sum += 1e-5 + made.of_layer(a, i).deviation.mean_square;
    }
    return sum;
  };
  const auto result = search(made.list, made.findings, {}, {.min_psnr_db = 46}, kRuns, {},
                             [&](const Assignment& a) -> Result<Deviation> {
                               return Deviation{.psnr_db = ratio_db(1.0, error(a))};
                             });
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->met) << result->unmet;
  EXPECT_GE(result->psnr_db, 46);
  const auto exact = std::ranges::count(result->assignment.layers, Scheme::f32);
  EXPECT_EQ(exact, 3);  // 46 dB is 2.5e-5: two layers may be in bf16
}

TEST(Search, LossOfStructureCountsForContentLayersAlone) {
  MadeUp made(5, 2);
  // Both lose the same structure, and are otherwise worth the same.
  for (size_t i = 0; i < 2; ++i) {
    made.list.layers[i].network = "unet";
    auto& found = made.findings.layers[i];
    found = {{Scheme::bf16, {.time_ms = 2, .bytes = 2}},
             {Scheme::w8a8,
              {.time_ms = 1, .bytes = 1, .deviation = {.ssim = 0.5, .mean_square = 1e-4}}}};
  }
  made.findings.layers[1].at(Scheme::w8a8).deviation.ssim = 0.99;
  made.list.layers[0].is_content = made.list.layers[1].is_content = true;
  RecipeChoices recipe;
  recipe.attention = {AttentionScheme::bf16};
  const SearchResult result = made.run({.max_ms = 2 * 6.0}, 0, recipe);  // one of them may stay
  EXPECT_EQ(result.assignment.layers[0], Scheme::bf16);
  EXPECT_EQ(result.assignment.layers[1], Scheme::w8a8);
}

TEST(Search, ErrorsOfPaintingArePassedOn) {
  const MadeUp made(6);
  const auto result = search(
      made.list, made.findings, {}, {}, kRuns, {},
      [](const Assignment&) -> Result<Deviation> { return fail(ErrorCode::cancelled, "stopped"); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "stopped");
}

}  // namespace
}  // namespace edgefusion::quant
