#pragma once

#include <cstdint>
#include <string>

#include "core/quantized_tensor.h"
#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/quantization.h"

namespace edgefusion::engine {

/// What is wrong with the description of a layer that reads so many channels: "expected ..., found
/// ..."-like text; empty: nothing.
std::string layer_complaint(const graph::LayerQuantization& layer, int64_t channels);

/// The same of codes of weights and the layer they are of: codes have the scales and the rotation
/// of the layer's inputs in them, and nothing takes out others again.
std::string codes_complaint(const graph::LayerQuantization& layer, const QuantizedTensor& codes);

/// All layers of an optimised graph. `weights` may be nullptr: of descriptions alone.
/// Errors: invalid_argument naming the weights' file, the layer, what was expected and found.
Status check_quantization(const graph::Graph& graph, const TensorSource* weights,
                          const graph::NetworkQuantization& quantization);

}  // namespace edgefusion::engine
