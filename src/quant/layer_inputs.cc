#include "quant/layer_inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgefusion::quant {
namespace {

/// Both sources of a layer have one zero point: the scale that lets the second reach its range with
/// the zero point of the first.
ActivationScale scale_with_zero_point(ActivationRange range, int zero_point) {
  const float below = zero_point > 0 ? -range.low / static_cast<float>(zero_point)
                                     : std::numeric_limits<float>::infinity();
  const float above = zero_point < 255 ? range.high / static_cast<float>(255 - zero_point)
                                       : std::numeric_limits<float>::infinity();
  const float needed_below = range.low < 0 ? below : 0.0f;
  const float needed_above = range.high > 0 ? above : 0.0f;
  const float scale = std::max(needed_below, needed_above);
  return {scale > 0 && std::isfinite(scale) ? scale : 1.0f, zero_point};
}

double noise_of(const LayerInputs& inputs, const std::vector<ActivationScale>& scales) {
  double noise = 0;
  for (size_t i = 0; i < scales.size(); ++i) {
    noise += expected_noise(inputs.sources[i]->ranges.histogram(), scales[i]);
  }
  return noise;
}

/// The scales of all sources for the zero point that costs least of a few.
std::vector<ActivationScale> split_scales(const LayerInputs& inputs,
                                          const std::vector<ChosenRange>& chosen) {
  std::vector<int> tried = {128};
  for (const ChosenRange& range : chosen) tried.push_back(range.scale.zero_point);
  std::vector<ActivationScale> best;
  double least = std::numeric_limits<double>::infinity();
  for (const int zero_point : tried) {
    std::vector<ActivationScale> scales;
    bool reaches_all = true;
    for (const ChosenRange& range : chosen) {
      scales.push_back(scale_with_zero_point(range.range, zero_point));
      const bool too_low = zero_point == 0 && range.range.low < 0;
      const bool too_high = zero_point == 255 && range.range.high > 0;
      reaches_all = reaches_all && !too_low && !too_high;
    }
    const double noise = noise_of(inputs, scales);
    if (!reaches_all || noise >= least) continue;
    least = noise;
    best = scales;
  }
  return best.empty() ? std::vector<ActivationScale>(chosen.size(), chosen.front().scale) : best;
}

}  // namespace

LayerInputs inputs_of(const Layer& layer, const Calibration& calibration) {
  LayerInputs inputs;
  int64_t begin = 0;
  for (size_t i = 0; i < layer.inputs.size(); ++i) {
    const ObservedValue* seen = calibration.input(layer, i);
    if (seen == nullptr) return {};
    inputs.sources.push_back(seen);
    inputs.begins.push_back(begin);
    begin += layer.input_channels[i];
    const auto ranges = seen->ranges.channels();
    inputs.ranges.insert(inputs.ranges.end(), ranges.begin(), ranges.end());
    const auto means = seen->moments.means(), squares = seen->moments.mean_squares();
    inputs.means.insert(inputs.means.end(), means.begin(), means.end());
    inputs.mean_squares.insert(inputs.mean_squares.end(), squares.begin(), squares.end());
  }
  return inputs;
}

InputScales scales_by_source(const LayerInputs& inputs, RangeMethod method, bool split_sources) {
  InputScales result;
  std::vector<ChosenRange> chosen;
  RangeHistogram all;
  for (const ObservedValue* source : inputs.sources) {
    chosen.push_back(choose_range(source->ranges.histogram(), method));
    all.merge(source->ranges.histogram());
  }
  if (chosen.size() > 1 && split_sources) {
    const std::vector<ActivationScale> scales = split_scales(inputs, chosen);
    result.zero_point = scales.front().zero_point;
    for (size_t i = 0; i < scales.size(); ++i) {
      const size_t end =
          i + 1 < scales.size() ? static_cast<size_t>(inputs.begins[i + 1]) : inputs.ranges.size();
      result.scale.resize(end, scales[i].scale);
    }
    result.first = scales.front();
    for (size_t i = 0; i < scales.size(); ++i) {
      const ChosenRange judged = judge_scale(inputs.sources[i]->ranges.histogram(), scales[i]);
      result.clipped_share = std::max(result.clipped_share, judged.clipped_share);
      result.sqnr_db = i == 0 ? judged.sqnr_db : std::min(result.sqnr_db, judged.sqnr_db);
    }
    return result;
  }
  const ChosenRange one = chosen.size() == 1 ? chosen.front() : choose_range(all, method);
  result.scale = {one.scale.scale};
  result.zero_point = one.scale.zero_point;
  result.first = one.scale;
  result.clipped_share = one.clipped_share;
  result.sqnr_db = one.sqnr_db;
  return result;
}

InputScales scales_by_factors(const LayerInputs& inputs, std::span<const float> factors) {
  ActivationRange range;
  for (size_t c = 0; c < factors.size(); ++c) {
    range.low = std::min(range.low, inputs.ranges[c].low / factors[c]);
    range.high = std::max(range.high, inputs.ranges[c].high / factors[c]);
  }
  InputScales result;
  result.first = to_scale(range);
  result.zero_point = result.first.zero_point;
  double signal = 0, noise = 0;
  for (size_t c = 0; c < factors.size(); ++c) {
    result.scale.push_back(result.first.scale * factors[c]);
    signal += inputs.mean_squares[c];
    noise += static_cast<double>(result.scale.back()) * result.scale.back() / 12;
  }
  result.sqnr_db = signal > 0 && noise > 0 ? 10 * std::log10(signal / noise) : 0;
  return result;
}

}  // namespace edgefusion::quant
