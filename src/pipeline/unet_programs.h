#pragma once

#include <optional>

#include "core/result.h"
#include "core/runtime.h"
#include "engine/program.h"
#include "pipeline/model.h"
#include "pipeline/resolved_request.h"

namespace edgefusion::pipeline {

/// The U-Net of a request in the parts graph::split_by_inputs cuts it into: what the text and the
/// guidance scale decide is computed once a picture (keys and values of cross-attention), what the
/// timestep decides (the time embedding and its projections) once a step, beside the rest.
struct UNetPrograms {
  std::optional<engine::Program> once, timestep;  ///< absent where a network has no such part
  engine::Program step;                           ///< holds what never changes
};

/// Where a network's packed weights are kept, and how much of them may be in memory.
struct WeightPlaces {
  engine::PackedRegions* regions = nullptr;  ///< null: they are not kept
  std::optional<int64_t> budget = {};        ///< bytes; absent: all
};

/// Errors: those of building and compiling the network.
Result<UNetPrograms> compile_unet(const Model& model, const ResolvedRequest& resolved,
                                  const Runtime& runtime, const WeightPlaces& places = {});

/// What compile_unet() would take, all parts together.
Result<engine::MemoryForecast> forecast_unet(const Model& model, const ResolvedRequest& resolved,
                                             const Runtime& runtime);

}  // namespace edgefusion::pipeline
