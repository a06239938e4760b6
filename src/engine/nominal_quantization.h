#pragma once

#include "core/cpu_features.h"
#include "graph/graph.h"
#include "graph/quantization.h"

namespace edgefusion::engine {

/// A quantisation for timing alone, of weights and activations that mean nothing: each layer and
/// attention of a graph, prepared for bf16, in whatever is estimated to be fastest on `isa`; u8
/// reaches from -4 to 4.
graph::NetworkQuantization nominal_quantization(const graph::Graph& prepared, IsaSet isa);

}  // namespace edgefusion::engine
