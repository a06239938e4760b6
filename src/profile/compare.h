#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "profile/profile.h"

namespace edgefusion::profile {

enum class Verdict {
  same,     ///< within what both profiles differ by from request to request
  faster,   ///< beyond that
  slower,   ///< beyond that
  unknown,  ///< too few requests to know the noise
  added,    ///< only in the new profile
  removed,  ///< only in the old profile
};
std::string to_string(Verdict verdict);

struct Change {
  std::string kind;  ///< "whole", "stage", "op", "step"
  std::string name;
  double old_ms = 0, new_ms = 0;  ///< medians
  double noise_ms = 0;            ///< of both together
  Verdict verdict = Verdict::same;
};

struct Comparison {
  Change whole;
  std::vector<Change> stages, classes;     ///< in the order of the new profile
  std::vector<Change> parts;               ///< all, the largest difference first
  std::vector<std::string> circumstances;  ///< what else is not as it was: precision, threads, ...
};

/// Below this many requests nothing is known of the noise.
inline constexpr size_t kFewestRequests = 3;

/// A difference of medians is beyond the noise if it is larger than the noise of the one and of the
/// other profile together, and the fastest requests differ in the same direction.
Verdict verdict_of(const Samples& before, const Samples& after);

/// What changed from `before`, a profile in the file `origin`, to `after`.
/// Errors: invalid_argument if they are of different models, sizes or numbers of steps.
Result<Comparison> compare(const Profile& before, const std::string& origin, const Profile& after);
/// The check alone, before any work: `before` against what is to be profiled.
Status check_subject(const Profile& before, const std::string& origin, const Subject& after);

/// As a text for a terminal.
std::string comparison_table(const Comparison& comparison);

}  // namespace edgefusion::profile
