#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "quant/range_observer.h"

namespace edgefusion::quant {

/// Weights of a layer as floats, [outputs, inputs, taps]; a linear layer has one tap. Not owned.
struct LayerWeights {
  std::span<const float> values;
  int64_t outputs = 0, inputs = 0, taps = 1;

  int64_t depth() const { return inputs * taps; }
};

/// What is known of each input channel of a layer. Spans of `inputs`.
struct InputStatistics {
  std::span<const ChannelRange> ranges;
  std::span<const double> mean_squares;
};

/// Moves the difficulty from activations to weights: x[c] / factors[c] is what is quantised, and
/// weights[:, c] * factors[c] makes up for it. Kernels take the factors in the scales of columns.
struct Equalization {
  std::vector<float> factors;  ///< [inputs]
  double alpha = -1;           ///< -1: all factors are 1
  double error = 0;            ///< what it was chosen by
};

/// factors[c] = max|x_c|^alpha / max|w_c|^(1 - alpha), divided by their geometric mean and kept
/// within 1/kMostFactor to kMostFactor. Channels without inputs or weights, which do not matter,
/// have 1. Source: Xiao et al. 2023 (SmoothQuant), eq. 4.
inline constexpr double kMostFactor = 256;
std::vector<float> smoothing_factors(const LayerWeights& weights,
                                     std::span<const ChannelRange> inputs, double alpha);

/// Expected power of the output error, summed over outputs, when x / factors is u8 by min and max
/// and weights * factors is s8 by the largest of each output. Errors of rounding are taken as even
/// in a step and independent, inputs as uncorrelated.
double expected_layer_error(const LayerWeights& weights, const InputStatistics& inputs,
                            std::span<const float> factors);

/// The best by `score` (smaller is better, e.g. a measured error) of no factors and alpha 0, 0.25,
/// 0.5 and 0.75; the first of equals.
using EqualizationScore = std::function<double(std::span<const float> factors)>;
Equalization choose_equalization(const LayerWeights& weights, std::span<const ChannelRange> inputs,
                                 const EqualizationScore& score);
/// The same by expected_layer_error.
Equalization choose_equalization(const LayerWeights& weights, const InputStatistics& inputs);

/// Factors for channels that come from several places, as the halves of a skip concat: one factor
/// for each place, the width of its range (0 included), so that each uses all steps. `begins` are
/// the first channels of the places, ascending from 0. The first factor is 1.
/// Source: Li et al. 2023 (Q-Diffusion), shortcut splitting.
std::vector<float> source_factors(std::span<const ChannelRange> inputs,
                                  std::span<const int64_t> begins);

}  // namespace edgefusion::quant
