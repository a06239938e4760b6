#pragma once

#include <functional>
#include <string>

#include "core/result.h"
#include "engine/program.h"
#include "engine/weight_store.h"

namespace edgefusion::engine {

/// Brings a measured store's weights to their places for the last lowering pass: mapped as an
/// earlier run packed them, packed now into a file and mapped, or in memory of their own, to be
/// packed by the last pass. `pack` lowers everything once.
/// Errors: resource_exhausted and io, only if weights must be mapped (resident_weight_bytes).
/// Throws std::bad_alloc.
Status place_weights(WeightStore& weights, const std::string& network,
                     const CompileOptions& options, const std::function<void()>& pack);

}  // namespace edgefusion::engine
