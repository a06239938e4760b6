#include "quant/knapsack.h"

#include <algorithm>
#include <cmath>

#include "core/result.h"
#include "quant/budget_search.h"

namespace edgefusion::quant {
namespace {

constexpr size_t kMostStates = 4000;
constexpr size_t kMostStatesOfNearest = 400;  // searched some twenty times
constexpr double kFactorPrecision = 1e-5;
constexpr Quantity kAll[] = {Quantity::time_ms, Quantity::bytes, Quantity::error};

/// Minimises one quantity under limits on the other two.
BudgetSearchResult search(const std::vector<LayerOptions>& layers, Quantity minimise,
                          const Costs& limits, size_t most_states = kMostStates) {
  std::vector<std::vector<SearchCosts>> costs;
  for (const LayerOptions& layer : layers) {
    costs.emplace_back();
    for (const SchemeOption& option : layer.options) {
      SearchCosts next{.objective = option.costs[minimise]};
      int d = 0;
      for (const Quantity q : kAll) {
        if (q != minimise) next.share[d++] = option.costs[q] / limits[q];
      }
      costs.back().push_back(next);
    }
  }
  return search_choices(costs, most_states);
}

double largest_ratio(const Costs& totals, const Costs& limits) {
  double ratio = 0;
  for (const Quantity q : kAll) ratio = std::max(ratio, totals[q] / limits[q]);
  return ratio;
}

Costs scaled(Costs limits, double factor) {
  for (double& limit : limits.of) limit *= factor;
  return limits;
}

Costs least_totals(const std::vector<LayerOptions>& layers) {
  Costs least;
  for (const LayerOptions& layer : layers) {
    EF_CHECK(!layer.options.empty(), "a layer has an option");
    for (const Quantity q : kAll) {
      const auto cost = [&](const SchemeOption& option) { return option.costs[q]; };
      least[q] += cost(*std::ranges::min_element(layer.options, {}, cost));
    }
  }
  return least;
}

struct NearestBudget {
  double factor = 1;  // on all limits
  std::vector<size_t> options;
};

/// The smallest factor on all limits, at least 1, with which there is a choice.
NearestBudget nearest_budget(const std::vector<LayerOptions>& layers, const Costs& limits,
                             const Costs& least) {
  // One limited quantity is minimised while the factor binds the others.
  const Quantity pivot =
      *std::ranges::find_if(kAll, [&](Quantity q) { return std::isfinite(limits[q]); });
  NearestBudget nearest{.options = std::vector<size_t>(layers.size(), 0)};
  nearest.factor = largest_ratio(make_choice(layers, nearest.options).totals, limits);
  const auto reaches = [&](double factor) {
    const BudgetSearchResult result =
        search(layers, pivot, scaled(limits, factor), kMostStatesOfNearest);
    if (!result.found) return false;
    const double ratio = largest_ratio(make_choice(layers, result.options).totals, limits);
    if (ratio > factor * (1 + kLimitSlack)) return false;
    nearest = {.factor = std::min(ratio, factor), .options = result.options};
    return true;
  };
  double low = std::max(largest_ratio(least, limits), 1.0);
  if (reaches(low)) return nearest;
  while (nearest.factor > low * (1 + kFactorPrecision)) {
    const double middle = (low + nearest.factor) / 2;
    if (!reaches(middle)) low = middle;
  }
  return nearest;
}

}  // namespace

BudgetResult choose_within_budget(const std::vector<LayerOptions>& layers, const Budget& budget) {
  for (const double limit : budget.limits.of) EF_CHECK(limit > 0, "limits above 0");
  BudgetResult result{.least = least_totals(layers)};
  BudgetSearchResult found = search(layers, budget.minimise, budget.limits);
  const double limit = budget.limits[budget.minimise];
  result.met = found.found && found.totals.objective <= limit * (1 + kLimitSlack);
  if (!result.met) {
    const NearestBudget nearest = nearest_budget(layers, budget.limits, result.least);
    found = search(layers, budget.minimise, scaled(budget.limits, nearest.factor));
    if (!found.found) {
      found.options = nearest.options;
      found.totals.objective = make_choice(layers, nearest.options).totals[budget.minimise];
    }
  }
  result.choice = make_choice(layers, found.options);
  result.proven = found.bound >= found.totals.objective;
  result.bound = found.bound;
  return result;
}

}  // namespace edgefusion::quant
