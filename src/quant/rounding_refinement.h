#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/result.h"
#include "quant/candidate.h"
#include "quant/findings.h"

namespace edgefusion::quant {

/// Layers of an assignment whose weights are codes that rounding with feedback can choose anew, the
/// most harmful first: by what quantising them alone did to pictures where that was measured, else
/// by the error of their outputs that their rounding makes. No more than can be rounded in about a
/// minute.
std::vector<size_t> layers_to_round_again(SchemeBook& book, const Assignment& assignment,
                                          const Findings& findings);

/// What refine_where_it_helps() works on.
struct RefinementTarget {
  /// Rounds these layers again, or takes that back.
  std::function<void(std::span<const size_t> layers, bool refined)> set;
  /// What is left over of errors; lower is better.
  std::function<Result<double>()> error;
};

/// Rounds as many of the layers again as make the whole better: all of them if that helps, else the
/// one half and the other, and so on; no more than `most_checks` times. Returns those that stay
/// refined. `before`: the error as it is. Errors: those of the target.
Result<std::vector<size_t>> refine_where_it_helps(std::span<const size_t> layers, double before,
                                                  int most_checks, const RefinementTarget& target);

}  // namespace edgefusion::quant
