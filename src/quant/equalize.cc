#include "quant/equalize.h"

#include <algorithm>
#include <cmath>

#include "core/result.h"

namespace edgefusion::quant {
namespace {

constexpr double kStepsU8 = 255, kStepsS8 = 127;

/// max |w| of each input channel.
std::vector<double> channel_maxima(const LayerWeights& weights) {
  std::vector<double> maxima(static_cast<size_t>(weights.inputs), 0.0);
  size_t at = 0;
  for (int64_t o = 0; o < weights.outputs; ++o) {
    for (double& largest : maxima) {
      for (int64_t tap = 0; tap < weights.taps; ++tap, ++at) {
        largest = std::max(largest, std::fabs(static_cast<double>(weights.values[at])));
      }
    }
  }
  return maxima;
}

double width_of(float low, float high) {
  return std::max(static_cast<double>(high), 0.0) - std::min(static_cast<double>(low), 0.0);
}

/// The range of all channels after division.
double divided_width(std::span<const ChannelRange> inputs, std::span<const float> factors) {
  float low = 0, high = 0;
  for (size_t c = 0; c < inputs.size(); ++c) {
    low = std::min(low, inputs[c].low / factors[c]);
    high = std::max(high, inputs[c].high / factors[c]);
  }
  return width_of(low, high);
}

}  // namespace

std::vector<float> smoothing_factors(const LayerWeights& weights,
                                     std::span<const ChannelRange> inputs, double alpha) {
  EF_CHECK(static_cast<int64_t>(inputs.size()) == weights.inputs, "a range for each input");
  const std::vector<double> maxima = channel_maxima(weights);
  std::vector<double> logs(maxima.size(), 0.0);
  double sum = 0, count = 0;
  for (size_t c = 0; c < logs.size(); ++c) {
    const auto largest = static_cast<double>(inputs[c].largest());
    if (largest <= 0 || maxima[c] <= 0) continue;
    logs[c] = alpha * std::log(largest) - (1 - alpha) * std::log(maxima[c]);
    sum += logs[c];
    ++count;
  }
  const double mean = count > 0 ? sum / count : 0;
  std::vector<float> factors(logs.size(), 1.0f);
  for (size_t c = 0; c < logs.size(); ++c) {
    if (inputs[c].largest() <= 0 || maxima[c] <= 0) continue;
    factors[c] =
        static_cast<float>(std::clamp(std::exp(logs[c] - mean), 1 / kMostFactor, kMostFactor));
  }
  return factors;
}

double expected_layer_error(const LayerWeights& weights, const InputStatistics& inputs,
                            std::span<const float> factors) {
  EF_CHECK(static_cast<int64_t>(factors.size()) == weights.inputs, "a factor for each input");
  const double input_step = divided_width(inputs.ranges, factors) / kStepsU8;
  // Mean square of the rounded inputs, summed over channels and taps: what rounding of weights is
  // multiplied by.
  double squares = 0;
  for (size_t c = 0; c < factors.size(); ++c) {
    const auto factor = static_cast<double>(factors[c]);
    squares += inputs.mean_squares[c] / (factor * factor);
  }
  squares *= static_cast<double>(weights.taps);
  double error = 0;
  size_t at = 0;
  for (int64_t o = 0; o < weights.outputs; ++o) {
    double largest = 0, power = 0;
    for (const float factor : factors) {
      for (int64_t tap = 0; tap < weights.taps; ++tap, ++at) {
        const double w = static_cast<double>(weights.values[at]) * static_cast<double>(factor);
        largest = std::max(largest, std::fabs(w));
        power += w * w;
      }
    }
    const double weight_step = largest / kStepsS8;
    error += (power * input_step * input_step + squares * weight_step * weight_step) / 12;
  }
  return error;
}

Equalization choose_equalization(const LayerWeights& weights, std::span<const ChannelRange> inputs,
                                 const EqualizationScore& score) {
  Equalization best{.factors = std::vector<float>(inputs.size(), 1.0f)};
  best.error = score(best.factors);
  for (const double alpha : {0.0, 0.25, 0.5, 0.75}) {
    Equalization next{.factors = smoothing_factors(weights, inputs, alpha), .alpha = alpha};
    next.error = score(next.factors);
    if (next.error < best.error) best = std::move(next);
  }
  return best;
}

Equalization choose_equalization(const LayerWeights& weights, const InputStatistics& inputs) {
  return choose_equalization(weights, inputs.ranges, [&](std::span<const float> factors) {
    return expected_layer_error(weights, inputs, factors);
  });
}

std::vector<float> source_factors(std::span<const ChannelRange> inputs,
                                  std::span<const int64_t> begins) {
  EF_CHECK(!begins.empty() && begins[0] == 0, "places begin at channel 0");
  std::vector<float> factors;
  double unit = 0;  // the width that counts as 1
  for (size_t place = 0; place < begins.size(); ++place) {
    const auto begin = static_cast<size_t>(begins[place]);
    const size_t end =
        place + 1 < begins.size() ? static_cast<size_t>(begins[place + 1]) : inputs.size();
    EF_CHECK(begin < end && end <= inputs.size(), "places have channels");
    float low = 0, high = 0;
    for (const ChannelRange& range : inputs.subspan(begin, end - begin)) {
      low = std::min(low, range.low);
      high = std::max(high, range.high);
    }
    const double width = width_of(low, high);
    if (unit == 0) unit = width;
    const double factor = width > 0 ? width / unit : 1;
    factors.insert(factors.end(), end - begin, static_cast<float>(factor));
  }
  return factors;
}

}  // namespace edgefusion::quant
