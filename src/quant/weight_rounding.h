#pragma once

#include <span>

#include "quant/weight_codes.h"

namespace edgefusion::quant {

enum class ClipMethod : uint8_t {
  largest,      ///< the largest weight is the largest code
  least_error,  ///< the scale with the smallest (weighted) square error of a few
};

/// Rounds to s8, to nearest, ties to even. `importance` [depth], if not empty, weighs the errors of
/// least_error: the mean square of each input, so that the error is that of the output.
/// An output of zeros has scale 1.
ChannelCodes round_channels(const WeightMatrix& weights, ClipMethod clip,
                            std::span<const double> importance = {});

/// Rounds to s4 in groups of the depth, the last of which may be smaller. Scales are f16 values, as
/// files keep them; the codes are those nearest with the rounded scale.
GroupCodes round_groups(const WeightMatrix& weights, int64_t group,
                        std::span<const double> importance = {});

}  // namespace edgefusion::quant
