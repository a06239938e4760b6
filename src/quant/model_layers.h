#pragma once

#include "core/result.h"
#include "core/shape.h"
#include "pipeline/model.h"
#include "quant/layer_list.h"

namespace edgefusion::quant {

/// The layers of all networks as a picture of that size runs them. latents: [1,C,H,W] of it.
/// Errors: those of building the graphs.
Result<LayerList> model_layers(const pipeline::Model& model, const Shape& latents);

}  // namespace edgefusion::quant
