#pragma once

#include <vector>

#include "quant/scheme_options.h"

namespace edgefusion::quant {

/// The choices that are best for some rate of exchange between `cost` (time_ms or bytes) and error,
/// by rising cost and falling error, from the cheapest to the one of least error: the convex part
/// of the Pareto curve. From one to the next a single layer changes. Ties go to the earlier layer.
std::vector<SchemeChoice> pareto_curve(const std::vector<LayerOptions>& layers, Quantity cost);

}  // namespace edgefusion::quant
