#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quant/weight_codes.h"

namespace edgefusion::quant {

/// What is known of some inputs of a layer: products[i, j] = E[x_i x_j] of the inputs that columns
/// first, first + step, ... of the weights multiply. [size, size], finite, not owned.
struct ColumnMoments {
  std::span<const float> products;
  int64_t size = 0, first = 0, step = 1;
};

/// A linear layer: all its columns.
ColumnMoments linear_moments(std::span<const float> products, int64_t inputs);

/// A convolution with weights [outputs, inputs, taps]: one block for each tap, all with the
/// products of the channels of one pixel. That neighbouring pixels are alike is left out.
std::vector<ColumnMoments> tap_moments(std::span<const float> products, int64_t inputs,
                                       int64_t taps);

struct FeedbackOptions {
  /// Added to the squares, as a share of their mean: how far the calibration is not to be trusted.
  double damping = 0.01;
  /// Rounds of taking each code to where it is best while all others stay.
  int refinements = 2;
};

/// E[|(w - rounded) x|^2] of each output: the power of the error that rounding makes. Inputs of
/// different blocks count as uncorrelated.
std::vector<double> output_error(const WeightMatrix& weights, std::span<const float> rounded,
                                 std::span<const ColumnMoments> blocks);

/// Chooses codes again, with the scales or palettes that are there, so that the errors of one
/// column make up for those of others: the output error of no output grows, by the moments as they
/// are. Columns in no block keep their codes. Every column may be in one block at most. Method:
/// columns are rounded one after the other, most important first, each to what is best given the
/// errors already made (GPTQ, Frantar et al. 2023, which is Babai's nearest plane; here with one
/// Cholesky factor of the moments and no inverse), then refined one at a time.
/// Time for [1280, 2880] with one block: seconds on one core; memory: 4 f32 copies of a block's
/// weights and 12 bytes for each of its products.
void round_with_feedback(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                         const FeedbackOptions& options, ChannelCodes& codes);
void round_with_feedback(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                         const FeedbackOptions& options, GroupCodes& codes);
void round_with_feedback(const WeightMatrix& weights, std::span<const ColumnMoments> blocks,
                         const FeedbackOptions& options, PaletteCodes& codes);

}  // namespace edgefusion::quant
