#pragma once

#include <cstdint>

#include "quant/range_histogram.h"

namespace edgefusion::quant {

/// What u8 shall reach from and to; both finite, low <= high.
struct ActivationRange {
  float low = 0, high = 0;
};

/// value = (q - zero_point) * scale, q in 0..255 (kernels/quantize/quantize.h).
struct ActivationScale {
  float scale = 1;  ///< above 0
  int zero_point = 128;

  float lowest() const { return static_cast<float>(-zero_point) * scale; }
  float highest() const { return static_cast<float>(255 - zero_point) * scale; }
};

/// The scale whose 256 steps cover the range and 0, which is a step exactly. Rounding the zero
/// point may move the ends by half a step. A range of nothing but 0, or too narrow for f32, has
/// scale 1.
ActivationScale to_scale(ActivationRange range);

enum class RangeMethod : uint8_t {
  min_max,
  percentile_99_9,   ///< cuts 0.05 % of the values at each end
  percentile_99_99,  ///< cuts 0.005 % at each end
  least_error,       ///< the range with the smallest mean square error
};

struct ChosenRange {
  ActivationRange range;
  ActivationScale scale;
  double clipped_share = 0;  ///< of the values beyond what the scale reaches by half a step
  double sqnr_db = 0;        ///< expected; infinity where nothing is lost
};

/// Mean square error of quantising with that scale, each bin's values taken as evenly spread.
double expected_noise(const RangeHistogram& histogram, ActivationScale scale);

/// What a range costs the values of the histogram.
ChosenRange judge_range(const RangeHistogram& histogram, ActivationRange range);

/// The same of a scale that is given.
ChosenRange judge_scale(const RangeHistogram& histogram, ActivationScale scale);

/// An empty histogram has the range 0 to 0.
ChosenRange choose_range(const RangeHistogram& histogram, RangeMethod method);

}  // namespace edgefusion::quant
