#include "quant/knapsack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "quant/pareto_curve.h"
#include "quant/testing/random_values.h"

namespace edgefusion::quant {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr Quantity kAll[] = {Quantity::time_ms, Quantity::bytes, Quantity::error};

/// Layers of one sort are alike but in size, as those of a network: fewer bits are faster, smaller
/// and worse, each with some luck.
std::vector<LayerOptions> random_layers(uint64_t seed, size_t count, size_t options) {
  RandomValues random(seed);
  std::vector<LayerOptions> layers;
  for (size_t i = 0; i < count; ++i) {
    LayerOptions layer{.name = "layer" + std::to_string(i)};
    const double size = std::exp(random.normal());
    for (size_t option = 0; option < options; ++option) {
      const double bits = 16.0 - 12.0 * static_cast<double>(option) / static_cast<double>(options);
      const Costs costs{{size * bits * (0.7 + 0.6 * random.uniform()),
                         std::floor(size * bits * 100),
                         size * std::exp2(-bits) * std::exp(random.normal())}};
      layer.options.push_back({LayerScheme::bf16, costs});
    }
    layers.push_back(layer);
  }
  return layers;
}

void for_each_choice(const std::vector<LayerOptions>& layers,
                     const std::function<void(const SchemeChoice&)>& use) {
  std::vector<size_t> options(layers.size(), 0);
  while (true) {
    use(make_choice(layers, options));
    size_t i = 0;
    while (i < layers.size() && ++options[i] == layers[i].options.size()) options[i++] = 0;
    if (i == layers.size()) return;
  }
}

double largest_ratio(const Costs& totals, const Costs& limits) {
  double ratio = 0;
  for (const Quantity q : kAll) ratio = std::max(ratio, totals[q] / limits[q]);
  return ratio;
}

/// The least and the mean total of each quantity over random choices.
Budget random_budget(RandomValues& random, const std::vector<LayerOptions>& layers) {
  Budget budget{.minimise = kAll[random.below(3)]};
  for (const Quantity q : kAll) {
    if (random.below(3) == 0) continue;
    double low = 0, high = 0;
    for (const LayerOptions& layer : layers) {
      const auto cost = [&](const SchemeOption& option) { return option.costs[q]; };
      const auto [least, most] = std::ranges::minmax(layer.options, {}, cost);
      low += cost(least);
      high += cost(most);
    }
    budget.limits[q] = low * 0.9 + (high - low) * 0.6 * random.uniform();
  }
  return budget;
}

TEST(Knapsack, IsTheBestOfAllChoices) {
  RandomValues random(1);
  int met = 0, unmet = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const auto layers = random_layers(seed, 1 + seed % 6, 1 + seed % 4);
    const Budget budget = random_budget(random, layers);
    double best = kNone, ratio = kNone;
    for_each_choice(layers, [&](const SchemeChoice& choice) {
      const double reached = largest_ratio(choice.totals, budget.limits);
      ratio = std::min(ratio, reached);
      if (reached <= 1) best = std::min(best, choice.totals[budget.minimise]);
    });
    const BudgetResult result = choose_within_budget(layers, budget);
    ASSERT_EQ(result.met, best < kNone) << seed;
    EXPECT_TRUE(result.proven) << seed;
    if (result.met) {
      ++met;
      EXPECT_NEAR(result.choice.totals[budget.minimise], best, 1e-9 * best) << seed;
      EXPECT_LE(largest_ratio(result.choice.totals, budget.limits), 1 + 1e-9);
    } else {
      ++unmet;
      EXPECT_NEAR(largest_ratio(result.choice.totals, budget.limits), ratio, 2e-5 * ratio) << seed;
    }
  }
  EXPECT_GT(met, 50);
  EXPECT_GT(unmet, 50);
}

TEST(Knapsack, WithoutLimitsEveryLayerHasItsLeast) {
  const auto layers = random_layers(2, 40, 8);
  for (const Quantity q : kAll) {
    const BudgetResult result = choose_within_budget(layers, {.minimise = q});
    EXPECT_TRUE(result.met && result.proven);
    EXPECT_NEAR(result.choice.totals[q], result.least[q], 1e-12 * result.least[q]);
  }
}

TEST(Knapsack, TellsTheLeastThatCanBeReached) {
  const auto layers = random_layers(3, 30, 5);
  Budget budget;
  budget.limits[Quantity::time_ms] = 1e-3;
  const BudgetResult result = choose_within_budget(layers, budget);
  EXPECT_FALSE(result.met);
  EXPECT_NEAR(result.choice.totals[Quantity::time_ms], result.least[Quantity::time_ms], 1e-6);
}

TEST(Knapsack, OfAWholeModelIsNearTheBoundInAMoment) {
  const auto layers = random_layers(4, 300, 10);
  const BudgetResult free = choose_within_budget(layers, {});
  Budget budget;
  for (const double share : {0.4, 0.55, 0.7}) {
    budget.limits[Quantity::time_ms] = share * free.choice.totals[Quantity::time_ms];
    budget.limits[Quantity::bytes] = (share + 0.05) * free.choice.totals[Quantity::bytes];
    const BudgetResult result = choose_within_budget(layers, budget);
    ASSERT_TRUE(result.met) << share;
    const double error = result.choice.totals[Quantity::error];
    EXPECT_LE(error, result.bound * 1.001) << share;
    if (share != 0.55) continue;
    Budget better = budget;
    better.limits[Quantity::error] = result.bound * 0.999;
    EXPECT_FALSE(choose_within_budget(layers, better).met);
  }
}

TEST(ParetoCurve, IsBeatenByNoChoice) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto layers = random_layers(seed, 1 + seed % 5, 1 + seed % 5);
    for (const Quantity cost : {Quantity::time_ms, Quantity::bytes}) {
      const auto curve = pareto_curve(layers, cost);
      double least_cost = kNone, least_error = kNone;
      for_each_choice(layers, [&](const SchemeChoice& choice) {
        least_cost = std::min(least_cost, choice.totals[cost]);
        least_error = std::min(least_error, choice.totals[Quantity::error]);
        for (const SchemeChoice& point : curve) {
          const bool cheaper = choice.totals[cost] < point.totals[cost] * (1 - 1e-9);
          const double better = point.totals[Quantity::error] * (1 - 1e-9);
          EXPECT_FALSE(cheaper && choice.totals[Quantity::error] < better) << seed;
        }
      });
      EXPECT_DOUBLE_EQ(curve.front().totals[cost], least_cost);
      EXPECT_DOUBLE_EQ(curve.back().totals[Quantity::error], least_error);
    }
  }
}

TEST(ParetoCurve, IsConvexAndChangesOneLayerAtATime) {
  const auto layers = random_layers(7, 60, 8);
  const auto curve = pareto_curve(layers, Quantity::bytes);
  double before = kNone;
  for (size_t i = 1; i < curve.size(); ++i) {
    size_t changed = 0;
    for (size_t k = 0; k < layers.size(); ++k) {
      changed += curve[i].options[k] != curve[i - 1].options[k] ? 1 : 0;
    }
    EXPECT_EQ(changed, 1u);
    const double saved = curve[i - 1].totals[Quantity::error] - curve[i].totals[Quantity::error];
    const double paid = curve[i].totals[Quantity::bytes] - curve[i - 1].totals[Quantity::bytes];
    EXPECT_GT(paid, 0);
    // Differences of sums are rounded.
    EXPECT_LE(saved / paid, before * (1 + 1e-6) + 1e-15);
    before = saved / paid;
  }
}

}  // namespace
}  // namespace edgefusion::quant
