#include "quant/rounding_refinement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "quant/testing/small_trials.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

/// Layers whose refinement changes the error by what is given.
struct MadeUpGains {
  std::vector<double> gains;
  std::set<size_t> refined = {};
  int checks = 0;

  double error() const {
    double error = 100;
    for (const size_t i : refined) error -= gains[i];
    return error;
  }

  std::vector<size_t> run(int most_checks) {
    std::vector<size_t> layers(gains.size());
    std::iota(layers.begin(), layers.end(), size_t{0});
    const auto set = [&](std::span<const size_t> group, bool on) {
      for (const size_t i : group) {
        if (on)
          refined.insert(i);
        else
          refined.erase(i);
      }
    };
    const auto measure = [&]() -> Result<double> {
      ++checks;
      return error();
    };
    auto kept = refine_where_it_helps(layers, error(), most_checks, {set, measure});
    EF_CHECK(kept.has_value(), "nothing fails here");
    std::ranges::sort(*kept);
    return *kept;
  }
};

TEST(RefineWhereItHelps, TakesAllAtOnceIfTheyHelpTogether) {
  MadeUpGains made{{3, -1, 2, 1}};
  EXPECT_EQ(made.run(20), (std::vector<size_t>{0, 1, 2, 3}));
  EXPECT_EQ(made.checks, 1);
}

TEST(RefineWhereItHelps, OneLayerThatHurtsDoesNotKeepTheOthersFromIt) {
  MadeUpGains made{{3, 1, 2, -50, 1, 1, 2, 1}};
  EXPECT_EQ(made.run(100), (std::vector<size_t>{0, 1, 2, 4, 5, 6, 7}));
  EXPECT_DOUBLE_EQ(made.error(), 89);
}

TEST(RefineWhereItHelps, WhatWasNotAcceptedIsTakenBackWhenChecksAreUsedUp) {
  MadeUpGains made{{3, 1, 2, -50, 1, 1, 2, 1}};
  const auto kept = made.run(2);
  EXPECT_EQ(made.checks, 2);
  EXPECT_EQ(made.refined, std::set<size_t>(kept.begin(), kept.end()));
  EXPECT_LE(made.error(), 100);
}

TEST(LayersToRoundAgain, AreRankedByTheErrorOfTheirOutputsWhereNoSensitivityWasMeasured) {
  const SmallTrials small;
  SchemeBook book = small.book();
  Assignment assignment = all_bf16(small.list());
  for (size_t i = 0; i < small.list().layers.size(); ++i) {
    if (std::ranges::count(small.list().layers[i].schemes, Scheme::w4a16) != 0) {
      assignment.layers[i] = i % 2 == 0 ? Scheme::w4a16 : Scheme::w8a16;
    }
  }
  const Findings nothing = {
      .layers = {}, .attentions = {}, .fixed_ms = {}, .has_sensitivity = false};
  const auto layers = layers_to_round_again(book, assignment, nothing);
  ASSERT_GT(layers.size(), 10u);
  // 4 bits are worse than 8 in whatever network, and nobody's list begins by accident with them.
  EXPECT_EQ(assignment.layers[layers.front()], Scheme::w4a16);
  EXPECT_EQ(assignment.layers[layers.back()], Scheme::w8a16);
  for (size_t k = 0; k + 1 < layers.size(); ++k) {
    const auto error = [&](size_t i) { return book.layer(i, assignment.layers[i]).rounding_error; };
    EXPECT_GE(error(layers[k]), error(layers[k + 1]));
    EXPECT_GT(error(layers[k]), 0);
  }
}

}  // namespace
}  // namespace edgefusion::quant
