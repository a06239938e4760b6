#pragma once

#include <cstddef>
#include <vector>

namespace edgefusion::quant {

/// Numbers of one option: what is minimised, and shares of up to two limits.
struct SearchCosts {
  double objective = 0;
  double share[2] = {0, 0};
};

struct BudgetSearchResult {
  bool found = false;
  std::vector<size_t> options;  ///< one for each layer
  SearchCosts totals;
  /// No choice has a lower objective than this; equal to the one found where that is proven.
  double bound = 0;
};

/// Rounding of sums that a limit forgives, as a share of it.
inline constexpr double kLimitSlack = 1e-9;

/// One option of each layer with the least sum of objectives whose shares each sum up to at most 1.
/// Values are finite and not negative; a share that is not needed is 0 everywhere.
/// Lagrange multipliers give a bound and a first choice; then partial choices are extended layer by
/// layer. Dropped are those that cannot keep the limits or cannot beat the best so far by the
/// bound, those that another one beats in all three numbers, and, of more than `most_states`, those
/// with the worst bounds, which are accounted for in `bound`. Not found: there is none, or, if
/// `bound` is finite, all that could have become one were dropped.
BudgetSearchResult search_choices(const std::vector<std::vector<SearchCosts>>& layers,
                                  size_t most_states);

}  // namespace edgefusion::quant
