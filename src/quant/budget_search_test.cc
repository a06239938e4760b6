#include "quant/budget_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

using Layers = std::vector<std::vector<SearchCosts>>;

constexpr double kNone = std::numeric_limits<double>::infinity();

/// Few different numbers, so that ties and sums of exactly 1 come by; `limits` shares are not 0.
Layers random_layers(RandomValues& random, int limits) {
  Layers layers(static_cast<size_t>(1 + random.below(6)));
  for (auto& layer : layers) {
    layer.resize(static_cast<size_t>(1 + random.below(4)));
    for (SearchCosts& option : layer) {
      option.objective = static_cast<double>(random.below(12));
      for (int d = 0; d < limits; ++d) option.share[d] = static_cast<double>(random.below(9)) / 16;
    }
  }
  return layers;
}

/// The least objective of all choices within the limits, by trying each; infinity: there is none.
double least_objective(const Layers& layers, size_t from = 0, SearchCosts so_far = {}) {
  if (from == layers.size()) {
    const bool holds = so_far.share[0] <= 1 && so_far.share[1] <= 1;
    return holds ? so_far.objective : kNone;
  }
  double least = kNone;
  for (const SearchCosts& option : layers[from]) {
    SearchCosts next = so_far;
    next.objective += option.objective;
    for (int d = 0; d < 2; ++d) next.share[d] += option.share[d];
    least = std::min(least, least_objective(layers, from + 1, next));
  }
  return least;
}

SearchCosts totals_of(const Layers& layers, const std::vector<size_t>& options) {
  SearchCosts totals;
  for (size_t i = 0; i < layers.size(); ++i) {
    totals.objective += layers[i][options[i]].objective;
    for (int d = 0; d < 2; ++d) totals.share[d] += layers[i][options[i]].share[d];
  }
  return totals;
}

TEST(BudgetSearch, IsExactWithNoneOneAndTwoLimits) {
  RandomValues random(1);
  int found = 0, none = 0;
  for (int i = 0; i < 600; ++i) {
    const Layers layers = random_layers(random, i % 3);
    const double least = least_objective(layers);
    const BudgetSearchResult result = search_choices(layers, 1000);
    ASSERT_EQ(result.found, least < kNone) << i;
    ++(result.found ? found : none);
    EXPECT_GE(result.bound, least) << i;  // infinity where there is none
    if (!result.found) continue;
    const SearchCosts totals = totals_of(layers, result.options);
    EXPECT_EQ(totals.objective, least) << i;
    EXPECT_EQ(result.totals.objective, least) << i;
    EXPECT_EQ(result.bound, least) << i;
    EXPECT_LE(std::max(totals.share[0], totals.share[1]), 1) << i;
  }
  EXPECT_GT(found, 300);
  EXPECT_GT(none, 50);
}

TEST(BudgetSearch, WithFewStatesTheBoundStaysTrue) {
  RandomValues random(2);
  int proven = 0, open = 0;
  for (int i = 0; i < 300; ++i) {
    const Layers layers = random_layers(random, 2);
    const double least = least_objective(layers);
    const BudgetSearchResult result = search_choices(layers, 1);
    EXPECT_LE(result.bound, least) << i;
    if (!result.found) continue;
    ASSERT_LT(least, kNone) << i;
    const SearchCosts totals = totals_of(layers, result.options);
    EXPECT_LE(std::max(totals.share[0], totals.share[1]), 1) << i;
    EXPECT_GE(totals.objective, least) << i;
    const bool says_proven = result.bound >= totals.objective;
    EXPECT_TRUE(!says_proven || totals.objective == least) << i;
    ++(says_proven ? proven : open);
  }
  EXPECT_GT(proven, 50);
  EXPECT_GT(open, 0);
}

}  // namespace
}  // namespace edgefusion::quant
