#include "quant/bias_correction.h"

#include "core/result.h"

namespace edgefusion::quant {

std::vector<float> bias_correction(const LayerWeights& weights, std::span<const float> rounded,
                                   std::span<const double> input_means) {
  return bias_correction(weights, rounded, input_means, input_means);
}

std::vector<float> bias_correction(const LayerWeights& weights, std::span<const float> rounded,
                                   std::span<const double> input_means,
                                   std::span<const double> rounded_means) {
  EF_CHECK(rounded.size() == weights.values.size(), "as many rounded weights as weights");
  EF_CHECK(static_cast<int64_t>(input_means.size()) == weights.inputs &&
               input_means.size() == rounded_means.size(),
           "a mean for each input");
  std::vector<float> result;
  size_t at = 0;
  for (int64_t o = 0; o < weights.outputs; ++o) {
    double missing = 0;
    for (size_t i = 0; i < input_means.size(); ++i) {
      for (int64_t tap = 0; tap < weights.taps; ++tap, ++at) {
        missing += static_cast<double>(weights.values[at]) * input_means[i] -
                   static_cast<double>(rounded[at]) * rounded_means[i];
      }
    }
    result.push_back(static_cast<float>(missing));
  }
  return result;
}

}  // namespace edgefusion::quant
