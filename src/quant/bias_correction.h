#pragma once

#include <span>
#include <vector>

#include "quant/equalize.h"

namespace edgefusion::quant {

/// What to add to the bias of each output, so that rounded weights give the mean output of the
/// float ones: sum over inputs and taps of (w - rounded) * E[x_input]. Padding around pictures,
/// where the mean is smaller, is left out. `rounded` as weights.values, `input_means` [inputs].
/// Source: Nagel et al. 2019, section 4.2.
std::vector<float> bias_correction(const LayerWeights& weights, std::span<const float> rounded,
                                   std::span<const double> input_means);

/// The same where inputs are rounded and clipped too: `rounded_means` are the means of what the
/// quantised layer reads.
std::vector<float> bias_correction(const LayerWeights& weights, std::span<const float> rounded,
                                   std::span<const double> input_means,
                                   std::span<const double> rounded_means);

}  // namespace edgefusion::quant
