#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "formats/quantized_bundle.h"
#include "graph/quantization.h"
#include "quant/layer_list.h"
#include "quant/weight_codes.h"

namespace edgefusion::quant {

// Between the tensors of a file, of which a layer may have several one below the other, and the
// matrices of this module.

/// All weights of a layer as floats, [outputs, inputs, taps].
std::vector<float> stacked_weights(const Layer& layer, const TensorSource& source);

/// The same values as [outputs, taps, inputs], the order of codes of few bits, and back.
std::vector<float> taps_first(const Layer& layer, std::span<const float> values);
std::vector<float> inputs_first(const Layer& layer, std::span<const float> values);

/// s8 with one scale for everything: what rounding costs without scales of outputs.
ChannelCodes round_tensor(const WeightMatrix& weights);

using StoredWeights = std::map<std::string, formats::QuantizedWeights>;

/// Cuts codes into the tensors of the file. Channel codes are [outputs, inputs, taps], the others
/// [outputs, taps, inputs].
void store_channel_codes(const Layer& layer, const TensorSource& source, const ChannelCodes& codes,
                         const graph::LayerQuantization& settings, StoredWeights& stored);
void store_group_codes(const Layer& layer, const TensorSource& source, const GroupCodes& codes,
                       StoredWeights& stored);
void store_palette_codes(const Layer& layer, const TensorSource& source, const PaletteCodes& codes,
                         StoredWeights& stored);

/// The layer's biases plus `delta` [outputs], in f32.
void store_biases(const Layer& layer, const TensorSource& source, std::span<const float> delta,
                  std::map<std::string, Tensor>& biases);

}  // namespace edgefusion::quant
