#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "quant/candidate.h"

namespace edgefusion::quant {

/// Least time of each layer and each attention of a LayerList in one assignment, in its order.
struct LayerTimes {
  std::vector<double> layers_ms, attentions_ms;
  /// Of the networks, by role, with everything that is no layer.
  std::map<std::string, double> network_ms;
};

/// Runs each network of a candidate some times on inputs that mean nothing, and takes the least
/// time of each step. Conversions count for the layer that reads them. Sizes are those of a picture
/// of the first trial. Errors: those of compiling; cancelled, which is looked at between runs.
Result<LayerTimes> measure_times(const Candidate& candidate, const LayerList& list,
                                 const Shape& latents, int repeats, const Runtime& runtime,
                                 const std::atomic<bool>* cancel = nullptr);

}  // namespace edgefusion::quant
