#include "quant/quantized_layer.h"

#include <algorithm>
#include <cmath>

#include "core/hadamard.h"
#include "quant/bias_correction.h"
#include "quant/equalize.h"
#include "quant/error_feedback.h"
#include "quant/layer_inputs.h"
#include "quant/layer_weights.h"
#include "quant/palette.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

constexpr int64_t kGroup = 32;           // inputs that share a scale of 4-bit weights
constexpr int64_t kRowsPerPalette = 16;  // as the kernels like them
constexpr int kLargestBlock = 64;        // of a rotation
/// Transforming values of 16 bits takes so long that Winograd gains nothing for fewer channels; of
/// u8 it takes half.
constexpr int64_t kFewChannels = 128;

/// Products of inputs that are divided by those scales. [channels, channels]
std::vector<float> divided_by(std::vector<float> products, std::span<const float> scale) {
  const size_t channels = scale.size();
  for (size_t i = 0; i < channels; ++i) {
    for (size_t j = 0; j < channels; ++j) products[i * channels + j] /= scale[i] * scale[j];
  }
  return products;
}

/// Turns one layer into codes.
class LayerQuantizer {
 public:
  LayerQuantizer(const Layer& layer, Scheme scheme, const TensorSource& weights,
                 const LayerKnowledge& known, const QuantizationMethods& methods)
      : layer_(layer),
        scheme_(scheme),
        source_(weights),
        methods_(methods),
        floats_(stacked_weights(layer, weights)),
        known_(known),
        inputs_(inputs_of(layer, known.calibration)),
        positions_(known.calibration.positions(layer)) {}

  QuantizedLayer run() {
    result_.settings.scheme = scheme_;
    if (scheme_ == Scheme::f32 || scheme_ == Scheme::bf16) return std::move(result_);
    if (scheme_ == Scheme::w8a8) set_static_scales();
    if (scheme_ == Scheme::w8a8_dynamic) set_dynamic_factors();
    if (scheme_ == Scheme::w8a8_winograd) {
      EF_CHECK(positions_ != nullptr, layer_.path() + " was not observed");
      result_.settings.position_scale = position_scales(*positions_);
      result_.clipped_share = clipped_share(*positions_, result_.settings.position_scale);
      if (layer_.channels() < kFewChannels) set_u8_before_transform();
    }
    if (scheme_ == Scheme::w4a16) {
      code_groups();
    } else if (scheme_ >= Scheme::palette4 && scheme_ <= Scheme::palette6) {
      code_palettes();
    } else {
      code_channels();
    }
    return std::move(result_);
  }

 private:
  bool observed() const { return !inputs_.sources.empty(); }

  LayerWeights layer_weights() const {
    return {floats_, layer_.outputs(), layer_.channels(), layer_.taps()};
  }

  void set_static_scales() {
    EF_CHECK(observed(), layer_.path() + " was not observed");
    InputScales scales = scales_by_source(inputs_, methods_.range, methods_.split_sources);
    if (methods_.equalize && inputs_.sources.size() == 1) {
      const InputStatistics statistics = {inputs_.ranges, inputs_.mean_squares};
      const std::vector<float> ones(inputs_.ranges.size(), 1.0f);
      const Equalization chosen = choose_equalization(layer_weights(), statistics);
      const double plain = expected_layer_error(layer_weights(), statistics, ones);
      // Ranges by histogram cut outliers off; factors have to beat that by more than a little.
      constexpr double kWorthIt = 0.5;
      if (chosen.alpha >= 0 && chosen.error < kWorthIt * plain) {
        scales = scales_by_factors(inputs_, chosen.factors);
        result_.equalized = true;
      }
    }
    result_.settings.input_scale = scales.scale;
    result_.settings.zero_point = scales.zero_point;
    result_.scale = scales.first;
    result_.clipped_share = scales.clipped_share;
    result_.input_sqnr_db = scales.sqnr_db;
  }

  /// The transform adds values of all channels' one scale up: positions have theirs in steps of it.
  void set_u8_before_transform() {
    const InputScales scales = scales_by_source(inputs_, methods_.range, false);
    result_.settings.input_scale = scales.scale;
    result_.settings.zero_point = scales.zero_point;
    for (float& scale : result_.settings.position_scale) scale /= scales.scale[0];
    result_.scale = scales.first;
    result_.clipped_share = scales.clipped_share;
    result_.input_sqnr_db = scales.sqnr_db;
  }

  void set_dynamic_factors() {
    if (!observed()) return;
    const InputStatistics statistics = {inputs_.ranges, inputs_.mean_squares};
    if (methods_.hadamard && has_outliers()) {
      int block = 1;
      while (block < kLargestBlock && layer_.channels() % (2 * block) == 0) block *= 2;
      if (block > 1) result_.settings.hadamard = block;
    } else if (methods_.equalize) {
      const Equalization chosen = choose_equalization(layer_weights(), statistics);
      if (chosen.alpha >= 0) {
        result_.settings.input_scale = chosen.factors;
        result_.equalized = true;
      }
    }
  }

  /// Some channels are far larger than the others.
  bool has_outliers() const {
    std::vector<float> largest;
    for (const ChannelRange& range : inputs_.ranges) largest.push_back(range.largest());
    const auto middle = largest.begin() + static_cast<int64_t>(largest.size() / 2);
    std::ranges::nth_element(largest, middle);
    constexpr float kFar = 8.0f;
    const float most = *std::ranges::max_element(largest);
    return *middle > 0 && most > kFar * *middle;
  }

  /// Weights with the scales of their inputs multiplied in, rotated: what s8 codes stand for.
  std::vector<float> scaled_weights() const {
    std::vector<float> values = floats_;
    const std::vector<float> scale = result_.settings.channel_scales(layer_.channels());
    const auto depth = static_cast<size_t>(layer_.channels() * layer_.taps());
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] *= scale[(i % depth) / static_cast<size_t>(layer_.taps())];
    }
    if (result_.settings.hadamard > 1) rotate_blocks(values, result_.settings.hadamard);
    return values;
  }

  /// Mean squares of what each column of the scaled weights multiplies; empty if that is not known.
  std::vector<double> importance() const {
    if (!observed() || result_.settings.hadamard > 1) return {};
    const std::vector<float> scale = result_.settings.channel_scales(layer_.channels());
    std::vector<double> squares;
    for (int64_t c = 0; c < layer_.channels(); ++c) {
      const auto i = static_cast<size_t>(c);
      squares.insert(squares.end(), static_cast<size_t>(layer_.taps()),
                     inputs_.mean_squares[i] / (static_cast<double>(scale[i]) * scale[i]));
    }
    return squares;
  }

  void code_channels() {
    const std::vector<float> values = scaled_weights();
    const WeightMatrix matrix = {values, layer_.outputs(), layer_.channels() * layer_.taps()};
    ChannelCodes codes = round_channels(matrix, methods_.clip, importance());
    if (!methods_.scale_per_output) {
      codes = round_tensor(matrix);
    } else {
      round_again(matrix, false, codes);
    }
    const std::vector<float> rounded = to_values(codes);
    note_error(values, rounded, importance());
    store_channel_codes(layer_, source_, codes, result_.settings, result_.weights);
    if (methods_.correct_bias) correct_bias(values, rounded);
  }

  /// Rounding with feedback, where the products of the inputs are known. By tap: weights are
  /// [outputs, taps, inputs], else [outputs, inputs, taps].
  template <typename Codes>
  void round_again(const WeightMatrix& matrix, bool by_tap, Codes& codes) const {
    if (!methods_.feedback || known_.products == nullptr || result_.settings.hadamard > 1) return;
    const std::vector<float> scale = result_.settings.channel_scales(layer_.channels());
    std::vector<std::vector<float>> products;  // of each source
    std::vector<ColumnMoments> blocks;
    int64_t begin = 0;
    for (size_t i = 0; i < layer_.inputs.size(); ++i) {
      const ObservedValue* seen = known_.products->input(layer_, i);
      if (seen == nullptr || !seen->moments.has_products()) return;
      const int64_t channels = layer_.input_channels[i];
      products.push_back(divided_by(
          seen->moments.products(),
          std::span(scale).subspan(static_cast<size_t>(begin), static_cast<size_t>(channels))));
      const int64_t taps = layer_.taps(), step = by_tap ? 1 : taps;
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t first = by_tap ? tap * layer_.channels() + begin : begin * taps + tap;
        blocks.push_back(
            {.products = products.back(), .size = channels, .first = first, .step = step});
      }
      begin += channels;
    }
    round_with_feedback(matrix, blocks, {}, codes);
  }

  void code_groups() {
    const std::vector<float> ordered = taps_first(layer_, floats_);
    const WeightMatrix matrix = {ordered, layer_.outputs(), layer_.channels() * layer_.taps()};
    GroupCodes codes = round_groups(matrix, kGroup, taps_first_importance());
    round_again(matrix, true, codes);
    store_group_codes(layer_, source_, codes, result_.weights);
    finish_taps_first(ordered, to_values(codes));
  }

  void code_palettes() {
    const int bits = 4 + (static_cast<int>(scheme_) - static_cast<int>(Scheme::palette4));
    const std::vector<float> ordered = taps_first(layer_, floats_);
    const WeightMatrix matrix = {ordered, layer_.outputs(), layer_.channels() * layer_.taps()};
    PaletteCodes codes = palettize(matrix, bits, kRowsPerPalette, taps_first_importance());
    round_again(matrix, true, codes);
    store_palette_codes(layer_, source_, codes, result_.weights);
    finish_taps_first(ordered, to_values(codes));
  }

  void finish_taps_first(std::span<const float> ordered, const std::vector<float>& rounded) {
    note_error(ordered, rounded, taps_first_importance());
    if (methods_.correct_bias) correct_bias(floats_, inputs_first(layer_, rounded));
  }

  /// importance: of each column, as values have them; empty: not known.
  void note_error(std::span<const float> values, std::span<const float> rounded,
                  std::span<const double> importance) {
    double signal = 0, noise = 0;
    for (size_t i = 0; !importance.empty() && i < values.size(); ++i) {
      const double value = static_cast<double>(values[i]),
                   error = value - static_cast<double>(rounded[i]);
      const double square = importance[i % importance.size()];
      signal += value * value * square;
      noise += error * error * square;
    }
    result_.rounding_error = signal > 0 ? noise / signal : 0;
  }

  std::vector<double> taps_first_importance() const {
    std::vector<double> squares;
    if (!observed()) return squares;
    for (int64_t tap = 0; tap < layer_.taps(); ++tap) {
      squares.insert(squares.end(), inputs_.mean_squares.begin(), inputs_.mean_squares.end());
    }
    return squares;
  }

  /// values and rounded: [outputs, inputs, taps], of inputs divided by their scales.
  void correct_bias(const std::vector<float>& values, const std::vector<float>& rounded) {
    if (!observed() || layer_.biases.empty() || result_.settings.hadamard > 1) return;
    const std::vector<float> scale = result_.settings.channel_scales(layer_.channels());
    std::vector<double> means = inputs_.means;
    for (size_t c = 0; c < means.size(); ++c) means[c] /= scale[c];
    const LayerWeights before = {values, layer_.outputs(), layer_.channels(), layer_.taps()};
    store_biases(layer_, source_, bias_correction(before, rounded, means), result_.biases);
  }

  const Layer& layer_;
  Scheme scheme_;
  const TensorSource& source_;
  const QuantizationMethods& methods_;
  std::vector<float> floats_;  ///< [outputs, inputs, taps]
  LayerKnowledge known_;
  LayerInputs inputs_;
  const PositionObserver* positions_;
  QuantizedLayer result_;
};

}  // namespace

QuantizedLayer quantize_layer(const Layer& layer, Scheme scheme, const TensorSource& weights,
                              const LayerKnowledge& known, const QuantizationMethods& methods) {
  return LayerQuantizer(layer, scheme, weights, known, methods).run();
}

}  // namespace edgefusion::quant
