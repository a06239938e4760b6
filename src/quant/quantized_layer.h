#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "formats/quantized_bundle.h"
#include "graph/quantization.h"
#include "quant/calibration.h"
#include "quant/choose_range.h"
#include "quant/layer_list.h"
#include "quant/weight_rounding.h"

namespace edgefusion::quant {

/// By what means layers are quantised. The defaults are the best known; the ablation of
/// docs/quantization.md switches them on one by one.
struct QuantizationMethods {
  RangeMethod range = RangeMethod::least_error;
  bool scale_per_output = true;  ///< of s8 weights; false: one for the tensor
  ClipMethod clip = ClipMethod::least_error;
  bool split_sources = true;  ///< the halves of a skip concat have scales of their own
  bool equalize = true;       ///< factors of channels, where they promise less error
  bool hadamard = true;       ///< rotation of tokens with outliers (w8a8_dynamic)
  bool correct_bias = true;
  bool feedback = true;  ///< rounding with error feedback, of any codes, where products are known

  bool operator==(const QuantizationMethods&) const = default;
};

/// A layer in one scheme: what the engine is told and what the bundle holds.
struct QuantizedLayer {
  graph::LayerQuantization settings;
  std::map<std::string, formats::QuantizedWeights> weights;  ///< by tensor of the file
  std::map<std::string, Tensor> biases;                      ///< those that changed
  // For the report.
  ActivationScale scale;  ///< of the first input
  /// Of the input that suffers most; of transformed patches where those are what is scaled.
  double clipped_share = 0;
  double input_sqnr_db = 0;
  bool equalized = false;
  /// Power of the output's error by rounded weights, as a share of the output's power; inputs taken
  /// as uncorrelated. 0 where nothing was observed.
  double rounding_error = 0;
};

/// What is known of the inputs of layers.
struct LayerKnowledge {
  const Calibration& calibration;         ///< ranges and means
  const Calibration* products = nullptr;  ///< products of the inputs, for rounding with feedback
};

/// Quantises one layer from what calibration saw. The scheme is one of layer.schemes. f32 and bf16
/// have neither weights nor scales.
QuantizedLayer quantize_layer(const Layer& layer, graph::Scheme scheme, const TensorSource& weights,
                              const LayerKnowledge& known, const QuantizationMethods& methods);

}  // namespace edgefusion::quant
