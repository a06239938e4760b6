#include "pipeline/memory_budget.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace edgefusion::pipeline {
namespace {

constexpr int64_t kMiB = 1 << 20;

/// Text encoder 300, U-Net 900, decoder 250 MiB; step by step 160, 190, 250.
GenerationForecast forecast() {
  GenerationForecast result;
  result.text_encoder = {.weight_bytes = 290 * kMiB,
                         .arena_bytes = 10 * kMiB,
                         .largest_step_bytes = 80 * kMiB,
                         .packing_bytes = 160 * kMiB};
  result.unet = {.weight_bytes = 800 * kMiB,
                 .arena_bytes = 90 * kMiB,
                 .scratch_bytes = 10 * kMiB,
                 .largest_step_bytes = 90 * kMiB,
                 .packing_bytes = 120 * kMiB};
  result.decoder = {.weight_bytes = 10 * kMiB,
                    .arena_bytes = 240 * kMiB,
                    .largest_step_bytes = 1 * kMiB,
                    .packing_bytes = 2 * kMiB};
  result.used_bytes = 15 * kMiB;
  result.picture_bytes = 5 * kMiB;
  return result;
}

struct Outcome {
  Result<WeightBudgets> budgets;
  std::vector<std::string> said;
};

Outcome fit(const GenerationForecast& forecast, int64_t limit, bool can_stream = true) {
  std::vector<std::string> said;
  auto budgets = fit_into_memory(forecast, limit * kMiB, can_stream,
                                 [&](LogLevel, std::string_view text) { said.emplace_back(text); });
  return {std::move(budgets), std::move(said)};
}

TEST(MemoryBudget, WhatFitsIsLeftAlone) {
  const auto [budgets, said] = fit(forecast(), 920);
  ASSERT_TRUE(budgets.has_value());
  EXPECT_FALSE(budgets->text_encoder || budgets->unet || budgets->decoder);
  EXPECT_TRUE(said.empty());
}

TEST(MemoryBudget, AWayThatSavesNothingIsNotOffered) {
  GenerationForecast small = forecast();
  small.text_encoder.packing_bytes = 2000 * kMiB;
  const auto [budgets, said] = fit(small, 100);
  ASSERT_FALSE(budgets.has_value());
  EXPECT_EQ(budgets.error().message().find("step by step"), std::string::npos)
      << budgets.error().message();
}

TEST(MemoryBudget, OnlyTheNetworkThatIsTooLargeIsReadStepByStep) {
  const auto [budgets, said] = fit(forecast(), 600);
  ASSERT_TRUE(budgets.has_value());
  EXPECT_EQ(budgets->unet, (600 - 20 - 100) * kMiB);
  EXPECT_FALSE(budgets->text_encoder || budgets->decoder);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0],
            "memory limit 600 MiB: U-Net weights (800 MiB) are read again at each pass, 480 MiB of "
            "them in memory at once; this is slower");
}

TEST(MemoryBudget, TheLeastIsTheLargestOfTheLeast) {
  EXPECT_EQ(forecast().streamed_peak_bytes(), (20 + 241) * kMiB);
  const auto [budgets, said] = fit(forecast(), 261);
  ASSERT_TRUE(budgets.has_value());
  EXPECT_GE(*budgets->decoder, forecast().decoder.largest_step_bytes);
  EXPECT_EQ(said.size(), 3u);
  EXPECT_FALSE(fit(forecast(), 260).budgets.has_value());
}

TEST(MemoryBudget, PreviewsTakeRoomBesideTheUNet) {
  GenerationForecast previewing = forecast();
  previewing.previews = true;
  EXPECT_EQ(previewing.peak_bytes(), (20 + 900 + 250) * kMiB);
  const auto [budgets, said] = fit(previewing, 800);
  ASSERT_TRUE(budgets.has_value());
  EXPECT_EQ(budgets->decoder, 1 * kMiB);
  EXPECT_EQ(budgets->unet, (800 - 20 - 241 - 100) * kMiB);
}

TEST(MemoryBudget, RefusesWithTheForecast) {
  const auto refused = fit(forecast(), 200).budgets;
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(
      refused.error().message(),
      "memory limit 200 MiB: this picture takes 920 MiB (15 MiB in use already, and the largest of "
      "text encoder 300 MiB, U-Net 900 MiB, decoder 250 MiB), or 261 MiB with weights read "
      "step by step");
  const auto nowhere = fit(forecast(), 600, false).budgets;
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_TRUE(nowhere.error().message().ends_with(", which takes a folder for packed weights"));
}

}  // namespace
}  // namespace edgefusion::pipeline
