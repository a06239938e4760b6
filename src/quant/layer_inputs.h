#pragma once

#include <span>
#include <vector>

#include "quant/calibration.h"
#include "quant/choose_range.h"
#include "quant/layer_list.h"

namespace edgefusion::quant {

/// What calibration saw of all inputs of a layer, side by side as the layer reads them.
struct LayerInputs {
  std::vector<const ObservedValue*> sources;  ///< one or two; empty: never observed
  std::vector<int64_t> begins;                ///< first channel of each source
  std::vector<ChannelRange> ranges;           ///< [channels]
  std::vector<double> means, mean_squares;    ///< [channels]
};
LayerInputs inputs_of(const Layer& layer, const Calibration& calibration);

/// How a layer's inputs become u8.
struct InputScales {
  std::vector<float> scale;  ///< of each channel; one value: of all
  int zero_point = 128;
  ActivationScale first;  ///< of the first source, for reports
  // Of the source that suffers most.
  double clipped_share = 0;
  double sqnr_db = 0;
};

/// One scale for all channels, or one for each source: found in the histograms.
InputScales scales_by_source(const LayerInputs& inputs, RangeMethod method, bool split_sources);

/// A scale for each channel in proportion to `factors`: found in the ranges of the channels.
InputScales scales_by_factors(const LayerInputs& inputs, std::span<const float> factors);

}  // namespace edgefusion::quant
