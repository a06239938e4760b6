#include "quant/quantized_layer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "graph/testing/given_weights.h"
#include "quant/layer_inputs.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

constexpr int64_t kOutputs = 48, kInputs = 64, kRows = 500;

/// Values around `middle`, of which some channels are much wider than others.
std::vector<float> inputs_with_outliers(float middle, float outlier) {
  std::mt19937 bits(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(kRows * kInputs));
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_wide = i % kInputs == 7;
    values[i] = middle + normal(bits) * (is_wide ? outlier : 1.0f);
  }
  return values;
}

/// A linear layer with what calibration knows of it.
class LinearCase {
 public:
  explicit LinearCase(std::vector<float> inputs, bool products = false)
      : inputs_(std::move(inputs)) {
    std::mt19937 bits(9);
    std::normal_distribution<float> normal(0.0f, 0.1f);
    weights_.resize(static_cast<size_t>(kOutputs * kInputs));
    for (float& weight : weights_) weight = normal(bits);
    source_.set("a.weight", Tensor::from_f32(Shape{kOutputs, kInputs}, weights_));
    source_.set("a.bias", Tensor(Shape{kOutputs}, DType::f32));
    layer.network = "unet";
    layer.name = "a";
    layer.kind = "linear";
    layer.weights = {"a.weight"};
    layer.biases = {"a.bias"};
    layer.weight_shape = Shape{kOutputs, kInputs};
    layer.inputs = {"x"};
    layer.input_channels = {kInputs};
    std::set<std::string> with_products;
    if (products) with_products.insert(layer.path());
    calibration.emplace(std::vector<Layer>{layer}, with_products);
    calibration->observe("unet", "x", Tensor::from_f32(Shape{1, kRows, kInputs}, inputs_).view());
  }

  QuantizedLayer quantize(Scheme scheme, const QuantizationMethods& methods = {}) const {
    return quantize_layer(layer, scheme, source_, {*calibration, &*calibration}, methods);
  }

  /// Error of the outputs when only the weights are rounded, as power relative to that of the
  /// outputs; `mean`: of the mean output instead.
  double weight_error(const QuantizedLayer& quantized, bool mean = false) const {
    const auto& stored = quantized.weights.at("a.weight");
    const Tensor rounded = dequantized(stored.view(quantized.settings.input_scale));
    const auto bias = quantized.biases.find("a.bias");
    double noise = 0, signal = 0;
    for (int64_t o = 0; o < kOutputs; ++o) {
      const float shift = bias == quantized.biases.end()
                              ? 0.0f
                              : bias->second.values<float>()[static_cast<size_t>(o)];
      double mean_error = 0;
      for (int64_t r = 0; r < kRows; ++r) {
        double exact = 0, found = shift;
        for (int64_t i = 0; i < kInputs; ++i) {
          const double x = inputs_[static_cast<size_t>(r * kInputs + i)];
          exact += x * weights_[static_cast<size_t>(o * kInputs + i)];
          found += x * rounded.values<float>()[static_cast<size_t>(o * kInputs + i)];
        }
        mean_error += found - exact;
        if (!mean) noise += (found - exact) * (found - exact);
        signal += exact * exact;
      }
      if (mean) noise += mean_error * mean_error / kRows;
    }
    return noise / signal;
  }

  Layer layer;
  std::optional<Calibration> calibration;

 private:
  std::vector<float> inputs_, weights_;
  graph::GivenWeights source_;
};

TEST(QuantizedLayer, FewerBitsCostMore) {
  const LinearCase linear(inputs_with_outliers(0, 1));
  const double s8 = linear.weight_error(linear.quantize(Scheme::w8a16));
  const double six = linear.weight_error(linear.quantize(Scheme::palette6));
  const double four = linear.weight_error(linear.quantize(Scheme::palette4));
  const double s4 = linear.weight_error(linear.quantize(Scheme::w4a16));
  EXPECT_LT(s8, 1e-4);
  EXPECT_LT(s8, six);
  EXPECT_LT(six, four);
  EXPECT_LT(four, 2e-2);
  EXPECT_LT(s4, 2e-2);
}

TEST(QuantizedLayer, EveryWeightIsWorthWhatItWasWithScalesTakenOut) {
  const LinearCase linear(inputs_with_outliers(0.5f, 30));
  for (const Scheme scheme : {Scheme::w8a16, Scheme::w8a8, Scheme::w8a8_dynamic}) {
    EXPECT_LT(linear.weight_error(linear.quantize(scheme)), 2e-3) << graph::to_string(scheme);
  }
}

TEST(QuantizedLayer, AStaticScaleReachesWhatWasSeenAndZeroIsAStep) {
  const LinearCase linear(inputs_with_outliers(2, 1));
  const QuantizedLayer quantized = linear.quantize(Scheme::w8a8, {.equalize = false});
  EXPECT_EQ(quantized.settings.input_scale.size(), 1u);
  EXPECT_LT(quantized.settings.zero_point, 100);  // most values are positive
  EXPECT_GT(quantized.scale.highest(), 4.5f);
  EXPECT_LT(quantized.scale.lowest(), -0.5f);
  EXPECT_LT(quantized.clipped_share, 0.01);
}

TEST(QuantizedLayer, WideChannelsAreEqualisedOrRotated) {
  const LinearCase linear(inputs_with_outliers(0, 60));
  const QuantizedLayer equalised = linear.quantize(Scheme::w8a8);
  EXPECT_TRUE(equalised.equalized);
  ASSERT_EQ(equalised.settings.input_scale.size(), static_cast<size_t>(kInputs));
  EXPECT_GT(equalised.settings.input_scale[7], 3 * equalised.settings.input_scale[0]);
  EXPECT_EQ(linear.quantize(Scheme::w8a8_dynamic).settings.hadamard, 64);
  const LinearCase plain(inputs_with_outliers(0, 1));
  EXPECT_EQ(plain.quantize(Scheme::w8a8_dynamic).settings.hadamard, 0);
}

TEST(QuantizedLayer, CorrectedBiasesTakeTheMeanErrorAway) {
  const LinearCase linear(inputs_with_outliers(3, 1));
  const double with = linear.weight_error(linear.quantize(Scheme::w4a16), true);
  const double without =
      linear.weight_error(linear.quantize(Scheme::w4a16, {.correct_bias = false}), true);
  EXPECT_LT(with, 0.01 * without);
}

TEST(QuantizedLayer, FeedbackLowersTheErrorOfTheOutputs) {
  const LinearCase linear(inputs_with_outliers(2, 5), true);
  const double with = linear.weight_error(linear.quantize(Scheme::w8a16));
  const double without = linear.weight_error(linear.quantize(Scheme::w8a16, {.feedback = false}));
  EXPECT_LT(with, 0.97 * without);
}

struct WinogradCase {
  QuantizedLayer quantized;
  std::vector<float> observed;  ///< the scale of each position, of floats
};

/// A 3x3 convolution over a picture of normal values.
WinogradCase winograd_case(int64_t channels) {
  std::mt19937 bits(3);
  std::normal_distribution<float> normal;
  const auto random = [&](const Shape& shape) {
    std::vector<float> values(static_cast<size_t>(shape.elements()));
    for (float& value : values) value = normal(bits);
    return Tensor::from_f32(shape, values);
  };
  Layer layer{.network = "vae", .name = "c", .kind = "conv3x3", .weights = {"c.weight"}};
  layer.weight_shape = Shape{16, channels, 3, 3};
  layer.inputs = {"x"};
  layer.input_channels = {channels};
  layer.schemes = {Scheme::w8a8_winograd};
  graph::GivenWeights source;
  source.set("c.weight", random(layer.weight_shape));
  Calibration calibration({layer});
  calibration.observe("vae", "x", random(Shape{1, 16, 16, channels}).view());
  return {quantize_layer(layer, Scheme::w8a8_winograd, source, {calibration}, {}),
          position_scales(*calibration.positions(layer))};
}

TEST(QuantizedLayer, WinogradOfFewChannelsReadsU8AndHasPositionsInItsSteps) {
  const WinogradCase many = winograd_case(128), few = winograd_case(64);
  EXPECT_TRUE(many.quantized.settings.input_scale.empty());
  EXPECT_EQ(many.quantized.settings.position_scale, many.observed);
  EXPECT_EQ(many.quantized.weights.at("c.weight").layer, "");
  const auto& settings = few.quantized.settings;
  ASSERT_EQ(settings.input_scale.size(), 1u);
  EXPECT_EQ(few.quantized.weights.at("c.weight").layer, "c");
  EXPECT_GT(settings.input_scale[0], 4.0f / 255);  // normal values reach from about -4 to 4
  EXPECT_LT(settings.input_scale[0], 12.0f / 255);
  for (size_t p = 0; p < 16; ++p) {
    EXPECT_FLOAT_EQ(settings.position_scale[p] * settings.input_scale[0], few.observed[p]) << p;
  }
}

TEST(LayerInputs, TwoSourcesShareAZeroPointAndBothReachTheirRange) {
  Layer layer;
  layer.network = "unet";
  layer.name = "s";
  layer.weight_shape = Shape{8, 8};
  layer.inputs = {"x", "skip"};
  layer.input_channels = {4, 4};
  Calibration calibration({layer});
  std::vector<float> small(400), large(400);
  for (size_t i = 0; i < 400; ++i) {
    small[i] = -1 + static_cast<float>(i) / 100;     // -1 to 3
    large[i] = -40 + static_cast<float>(i) * 0.15f;  // -40 to 20
  }
  calibration.observe("unet", "x", Tensor::from_f32(Shape{1, 100, 4}, small).view());
  calibration.observe("unet", "skip", Tensor::from_f32(Shape{1, 100, 4}, large).view());
  const LayerInputs inputs = inputs_of(layer, calibration);
  const InputScales split = scales_by_source(inputs, RangeMethod::min_max, true);
  ASSERT_EQ(split.scale.size(), 8u);
  const auto low = [&](size_t c) { return -static_cast<float>(split.zero_point) * split.scale[c]; };
  const auto high = [&](size_t c) {
    return static_cast<float>(255 - split.zero_point) * split.scale[c];
  };
  EXPECT_LE(low(0), -0.99f);
  EXPECT_GE(high(0), 2.98f);
  EXPECT_LE(low(4), -39.9f);
  EXPECT_GE(high(4), 19.8f);
  EXPECT_LT(split.scale[0], 0.25f * split.scale[4]);
  const InputScales joined = scales_by_source(inputs, RangeMethod::min_max, false);
  EXPECT_EQ(joined.scale.size(), 1u);
}

}  // namespace
}  // namespace edgefusion::quant
