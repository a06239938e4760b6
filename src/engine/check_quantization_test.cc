#include "engine/check_quantization.h"

#include <gtest/gtest.h>

#include <functional>

#include "engine/random_weights.h"
#include "engine/testing/run_program.h"
#include "engine/testing/small_network.h"

namespace edgefusion::engine {
namespace {

using graph::LayerQuantization;
using graph::NetworkQuantization;
using graph::Scheme;

/// The weights of "conv2" ([40,40,3,3]) as codes that have these numbers in them, the rest floats.
class OneCodedTensor : public TensorSource {
 public:
  OneCodedTensor(const graph::Graph& graph, std::vector<float> input_scale, int hadamard)
      : floats_(graph) {
    tensor_.shape = floats_.find("conv2.weight")->shape;
    view_ = {nullptr, tensor_.shape, DType::f32};
    codes_.resize(static_cast<size_t>(tensor_.shape.elements()), std::byte{3});
    scales_.resize(static_cast<size_t>(tensor_.shape[0]), 0.001f);
    tensor_.codes = codes_.data();
    tensor_.code_bytes = codes_.size();
    tensor_.scales = scales_.data();
    tensor_.input_scale = std::move(input_scale);
    tensor_.hadamard = hadamard;
  }
  const ConstTensorView* find(std::string_view name) const override {
    return name == "conv2.weight" ? &view_ : floats_.find(name);
  }
  const QuantizedTensor* quantized(std::string_view name) const override {
    return name == "conv2.weight" ? &tensor_ : nullptr;
  }
  std::vector<std::string> names() const override { return floats_.names(); }
  std::string origin() const override { return "q.safetensors"; }

 private:
  RandomWeights floats_;
  std::vector<std::byte> codes_;
  std::vector<float> scales_;
  QuantizedTensor tensor_;
  ConstTensorView view_;
};

/// What compile() says of the small network with "conv2" like that.
std::string error_of(const LayerQuantization& layer, std::vector<float> input_scale = {0.5f},
                     int hadamard = 0) {
  const Graph graph = small_network(1, 10, 12);
  const OneCodedTensor weights(graph, std::move(input_scale), hadamard);
  NetworkQuantization quantization;
  quantization.layers["conv2"] = layer;
  const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
  const auto program = compile(graph, weights, options, make_runtime(1));
  if (program) return "compiled";
  EXPECT_EQ(program.error().code(), ErrorCode::invalid_argument);
  return program.error().message();
}

constexpr const char* kPlace = "q.safetensors: conv2: ";

TEST(CheckQuantization, ScalesThatDoNotFitTheLayerAreAnError) {
  LayerQuantization layer = {.scheme = Scheme::w8a8, .input_scale = {0.5f}};
  EXPECT_EQ(error_of(layer), "compiled");
  layer.input_scale.assign(40, 0.5f);
  EXPECT_EQ(error_of(layer), "compiled");
  layer.input_scale.assign(39, 0.5f);
  EXPECT_EQ(error_of(layer), std::string(kPlace) + "input_scale of 39 numbers, expected 1 or 40");
  layer.input_scale.clear();
  EXPECT_EQ(error_of(layer), std::string(kPlace) + "input_scale: missing");
  layer.input_scale = {-1};
  EXPECT_EQ(error_of(layer), std::string(kPlace) + "scale -1.000000, expected a positive number");
  layer = {.scheme = Scheme::w8a8_winograd};
  EXPECT_EQ(error_of(layer), std::string(kPlace) + "position_scale of 0 numbers, expected 16");
  layer = {.scheme = Scheme::w8a8, .input_scale = {0.5f}, .hadamard = 8};
  EXPECT_EQ(error_of(layer), std::string(kPlace) + "hadamard 8, expected none for w8a8");
  layer = {.scheme = Scheme::w8a8, .input_scale = {0.5f}, .zero_point = 256};
  EXPECT_EQ(error_of(layer), std::string(kPlace) + "zero_point 256, expected 0 to 255");
  layer = {.scheme = Scheme::w8a16, .input_scale = {0.5f}};
  EXPECT_EQ(error_of(layer),
            std::string(kPlace) + "input_scale of 1 numbers, expected none for w8a16");
}

TEST(CheckQuantization, CodesHaveTheScalesOfTheirLayerInThem) {
  const LayerQuantization layer = {.scheme = Scheme::w8a8, .input_scale = {0.25f}};
  EXPECT_EQ(error_of(layer, {0.25f}), "compiled");
  EXPECT_EQ(error_of(layer, std::vector<float>(40, 0.25f)), "compiled");
  const std::string codes = std::string(kPlace) + "conv2.weight: codes of ";
  EXPECT_EQ(error_of(layer, {0.5f}), codes +
                                         "input_scale 0.500000 (channel 0), expected 0.250000 "
                                         "as the layer has");
  std::vector<float> last(40, 0.25f);
  last[39] = 2;
  EXPECT_EQ(error_of(layer, last), codes +
                                       "input_scale 2.000000 (channel 39), expected 0.250000 "
                                       "as the layer has");
  EXPECT_EQ(error_of(layer, {}), codes +
                                     "input_scale 1.000000 (channel 0), expected 0.250000 as "
                                     "the layer has");
  EXPECT_EQ(error_of(layer, {0.25f}, 8), codes + "hadamard 8, expected 0 as the layer has");
  // Activations of 16 bits are divided by nothing.
  EXPECT_EQ(error_of({.scheme = Scheme::w8a16}, {}), "compiled");
  EXPECT_EQ(error_of({.scheme = Scheme::w8a16}, {0.25f}),
            codes + "input_scale 0.250000 (channel 0), expected 1.000000 as the layer has");
  // Weights that become floats again do so by their own scales.
  EXPECT_EQ(error_of({.scheme = Scheme::bf16}, {0.25f}, 8), "compiled");
}

TEST(CheckQuantization, BlocksOfRotationsDivideTheChannels) {
  LayerQuantization layer = {.scheme = Scheme::w8a8_dynamic, .hadamard = 8};
  EXPECT_EQ(layer_complaint(layer, 40), "");
  for (const int block : {12, 16, -8}) {
    layer.hadamard = block;
    EXPECT_EQ(layer_complaint(layer, 40),
              "hadamard " + std::to_string(block) + ", expected a power of two that divides 40");
  }
}

TEST(CheckQuantization, ForecastsTellTheSame) {
  const Graph graph = small_network(1, 10, 12);
  NetworkQuantization quantization;
  quantization.layers["conv2"] = {.scheme = Scheme::w8a8, .input_scale = {1, 1}};
  const CompileOptions options = {.precision = Precision::int8, .quantization = &quantization};
  const auto found = forecast(graph, nullptr, options, make_runtime(1));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(), "small: conv2: input_scale of 2 numbers, expected 1 or 40");
}

}  // namespace
}  // namespace edgefusion::engine
