#pragma once

#include <string_view>

#include "core/result.h"
#include "graph/graph.h"
#include "graph/quantization.h"
#include "npu/device.h"
#include "npu/work.h"

namespace edgefusion::npu {

/// What a layer multiplies on this device: by its scheme if it has one, else as assumed; what the
/// device does not do is done in the next wider arithmetic it does.
/// Errors: unsupported, the device does none of them.
Result<Arithmetic> layer_arithmetic(const Device& device, std::string_view network,
                                    std::string_view layer,
                                    const graph::LayerQuantization* quantization,
                                    Arithmetic assumed);
Result<Arithmetic> attention_arithmetic(const Device& device, std::string_view network,
                                        std::string_view layer, graph::AttentionScheme scheme);

/// Bits of one weight: those of the layer's scheme, 8 where none is given and weights are of 8.
int weight_bits(const graph::Node& node, Arithmetic arithmetic);

/// Activations that only ops with 8-bit activations read, and only as these, are stored in 8 bits.
void store_in_8_bits(Work& work);

}  // namespace edgefusion::npu
