#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "quant/candidate.h"
#include "quant/sensitivity.h"

namespace edgefusion::quant {

/// What one scheme of one layer (or attention) was found to cost.
struct SchemeFinding {
  double time_ms = 0;  ///< of one run of its network
  int64_t bytes = 0;   ///< of its weights in a file; 0 for attentions
  Deviation deviation;
  /// Why it must not be taken; empty: it may.
  std::string excluded;
};

/// Everything that is measured before schemes are chosen.
struct Findings {
  std::vector<std::map<graph::Scheme, SchemeFinding>> layers;  ///< as LayerList has them
  std::vector<std::map<graph::AttentionScheme, SchemeFinding>> attentions;
  std::map<std::string, double> fixed_ms;  ///< of each network: what is neither
  bool has_sensitivity = true;             ///< deviations were measured
};

struct FindingOptions {
  std::vector<graph::Scheme> schemes;  ///< tried where a layer can have them, beside bf16
  std::vector<graph::AttentionScheme> attention_schemes;
  int timing_repeats = 5;
  /// false: each scheme is timed, but no layer is quantised alone; where there is nothing to
  /// choose.
  bool sensitivity = true;
  /// Share of values cut off beyond which a static scale is not taken.
  double most_clipped = 0.02;
  const std::atomic<bool>* cancel = nullptr;  ///< looked at between runs
  std::function<void(std::string_view what, size_t done, size_t total)> progress;
};

/// Quantises each layer alone in each scheme and runs the trials; times all layers together in each
/// scheme. `reference`: everything in bf16. Errors: those of running, but for a network that gives
/// numbers that are not finite: that excludes the scheme.
Result<Findings> find_costs(const PictureTrials& trials, const Reference& reference,
                            SchemeBook& book, const Calibration& calibration,
                            const FindingOptions& options, const Runtime& runtime);

/// Bytes of a layer's weights in a file, in that scheme.
int64_t stored_bytes_of(SchemeBook& book, size_t index, graph::Scheme scheme);

}  // namespace edgefusion::quant
