#pragma once

#include <limits>
#include <vector>

#include "quant/scheme_options.h"

namespace edgefusion::quant {

/// What to minimise, and limits above 0 on any of the three; infinity: none.
struct Budget {
  Quantity minimise = Quantity::error;
  Costs limits{{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(),
                std::numeric_limits<double>::infinity()}};
};

struct BudgetResult {
  /// The best within the limits. If there is none: of the choices whose largest ratio of a total to
  /// its limit is smallest (to 1e-5, of large models nearly) the best; its totals are a nearest
  /// budget that can be met.
  SchemeChoice choice;
  bool met = false;
  /// Nothing better exists. False only where so many choices are nearly equal that some had to be
  /// left out.
  bool proven = false;
  /// No choice within the limits can be lower than this in what is minimised.
  double bound = 0;
  /// The least total of each quantity if the others do not matter.
  Costs least;
};

/// Time: below a second for 300 layers of 10 options, seconds if the budget cannot be met. The same
/// on every machine.
BudgetResult choose_within_budget(const std::vector<LayerOptions>& layers, const Budget& budget);

}  // namespace edgefusion::quant
