#include "pipeline/model_quantization.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/testing/temporary_folder.h"
#include "formats/quantized_bundle.h"

namespace edgefusion::pipeline {
namespace {

using formats::QuantizedContents;
using graph::AttentionScheme;
using graph::LayerQuantization;
using graph::NetworkQuantization;
using graph::Scheme;

constexpr const char* kModel = EF_SOURCE_DIR "/models/emoji-v0";
// 4 channels, and a linear layer of the default model.
constexpr const char* kConv = "conv_in";
constexpr const char* kLinear = "time_embedding.linear_1";

class ModelQuantizationTest : public ::testing::Test {
 protected:
  /// A bundle with that "quantization" and those numbers.
  formats::ModelFolder bundle(const nlohmann::json& networks,
                              const std::map<std::string, std::vector<float>>& numbers = {},
                              const formats::QuantizedWeights* conv_in = nullptr) {
    const auto path = folder_.path() / "q.safetensors";
    const auto model = formats::open_diffusers_folder(kModel);
    EF_CHECK(model.has_value(), "the default model opens");
    QuantizedContents contents;
    contents.numbers = numbers;
    if (conv_in != nullptr) contents.tensors["unet"]["conv_in.weight"] = *conv_in;
    contents.description = {{"version", 1}, {"networks", networks}};
    const auto written = write_quantized_bundle(*model, contents, path);
    EF_CHECK(written.has_value(), written.error().message());
    auto read = formats::open_model(path);
    EF_CHECK(read.has_value(), read.error().message());
    return std::move(*read);
  }

  /// What is said of a U-Net with that layer.
  std::string error_of(const char* name, const nlohmann::json& layer,
                       const std::map<std::string, std::vector<float>>& numbers = {}) {
    const auto read = read_quantization(bundle({{"unet", {{"layers", {{name, layer}}}}}}, numbers));
    return read ? "accepted" : read.error().message();
  }

  void expect_error(const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  TemporaryFolder folder_;
};

TEST_F(ModelQuantizationTest, ComesBackAsItWasWritten) {
  NetworkQuantization unet;
  unet.layers[kConv] = {
      .scheme = Scheme::w8a8, .input_scale = {0.5f, 0.25f, 1, 2}, .zero_point = 7};
  unet.layers["conv_out"] = {.scheme = Scheme::w8a8_winograd,
                             .position_scale = std::vector<float>(16, 0.125f)};
  unet.layers[kLinear] = {.scheme = Scheme::w8a8_dynamic, .hadamard = 32};
  unet.attentions["some.attention"] = AttentionScheme::int8;
  std::map<std::string, std::vector<float>> numbers;
  for (const auto& [name, layer] : unet.layers) {
    const std::string place = std::string("unet/") + name;
    if (!layer.input_scale.empty()) numbers[place + ".input_scale"] = layer.input_scale;
    if (!layer.position_scale.empty()) numbers[place + ".position_scale"] = layer.position_scale;
  }
  const auto read = read_quantization(bundle({{"unet", to_json(unet)}}, numbers));
  ASSERT_TRUE(read) << read.error().message();
  const NetworkQuantization& found = read->at("unet");
  EXPECT_EQ(found.layers.size(), unet.layers.size());
  EXPECT_EQ(found.attentions, unet.attentions);
  for (const auto& [name, layer] : unet.layers) {
    const LayerQuantization& same = *found.layer(name);
    EXPECT_EQ(same.scheme, layer.scheme) << name;
    EXPECT_EQ(same.zero_point, layer.zero_point) << name;
    EXPECT_EQ(same.hadamard, layer.hadamard) << name;
    EXPECT_EQ(same.input_scale, layer.input_scale) << name;
    EXPECT_EQ(same.position_scale, layer.position_scale) << name;
  }
}

TEST_F(ModelQuantizationTest, SchemesThatNobodyKnowsAreToldWithTheNearest) {
  const std::string message = error_of(kConv, {{"scheme", "w8a9"}});
  expect_error(message, "unet/conv_in");
  expect_error(message, "did you mean \"w8a8\"?");
  expect_error(error_of(kConv, nlohmann::json::object()), "scheme");
  expect_error(error_of(kConv, 3), "expected object");
  const auto attention =
      read_quantization(bundle({{"unet", {{"attentions", {{"some.attention", "int9"}}}}}}));
  ASSERT_FALSE(attention);
  expect_error(attention.error().message(), "some.attention");
  expect_error(attention.error().message(), "did you mean \"int8\"?");
}

TEST_F(ModelQuantizationTest, ScalesThatDoNotFitAreToldWithTheLayer) {
  const nlohmann::json w8a8 = {{"scheme", "w8a8"}};
  const std::string scale = "unet/conv_in.input_scale";
  expect_error(error_of(kConv, w8a8), "unet/conv_in: input_scale: missing");
  expect_error(error_of(kConv, w8a8, {{scale, {-0.5f}}}), "unet/conv_in: scale -0.5");
  expect_error(error_of(kConv, w8a8, {{scale, {0.0f}}}), "expected a positive number");
  expect_error(error_of(kConv, w8a8, {{scale, {1, 1, 1}}}),
               "unet/conv_in: input_scale of 3 numbers, expected 1 or 4");
  expect_error(error_of(kConv, {{"scheme", "w8a8"}, {"zero_point", 256}}, {{scale, {1}}}),
               "zero_point");
  const std::string positions = "unet/conv_in.position_scale";
  expect_error(error_of(kConv, {{"scheme", "w8a8_winograd"}}, {{positions, {1, 1}}}),
               "position_scale of 2 numbers, expected 16");
  expect_error(error_of(kConv, w8a8, {{scale, {1}}, {positions, std::vector<float>(16, 1.0f)}}),
               "position_scale of 16 numbers, expected none");
  EXPECT_EQ(error_of(kConv, w8a8, {{scale, {1}}}), "accepted");
}

TEST_F(ModelQuantizationTest, BlocksOfRotationsDivideTheChannels) {
  const auto rotated = [](int block) {
    return nlohmann::json({{"scheme", "w8a8_dynamic"}, {"hadamard", block}});
  };
  expect_error(error_of(kLinear, rotated(12)),
               "time_embedding.linear_1: hadamard 12, expected a power of two that divides");
  expect_error(error_of(kLinear, rotated(1024)), "hadamard 1024, expected a power of two");
  EXPECT_EQ(error_of(kLinear, rotated(16)), "accepted");
  // Static scales are of inputs that nobody turns.
  expect_error(error_of(kLinear, {{"scheme", "w8a8"}, {"hadamard", 16}},
                        {{std::string("unet/") + kLinear + ".input_scale", {1}}}),
               "time_embedding.linear_1: hadamard 16, expected none for w8a8");
}

TEST_F(ModelQuantizationTest, CodesThatAreOfOtherNumbersThanTheirLayerAreTold) {
  const auto model = formats::open_diffusers_folder(kModel);
  ASSERT_TRUE(model);
  formats::QuantizedWeights codes;
  codes.shape = model->network("unet")->weights->find("conv_in.weight")->shape;
  codes.codes.resize(static_cast<size_t>(codes.shape.elements()));
  codes.scales.resize(static_cast<size_t>(codes.shape[0]), 0.5f);
  const auto error_with = [&](const char* layer, int hadamard) {
    codes.layer = layer;
    codes.hadamard = hadamard;
    const nlohmann::json networks = {{"unet", {{"layers", {{kConv, {{"scheme", "w8a8"}}}}}}}};
    const auto read = read_quantization(bundle(
        networks, {{"unet/conv_in.input_scale", {0.5f}}, {"unet/other.input_scale", {0.25f}}},
        &codes));
    return read ? "accepted" : read.error().message();
  };
  EXPECT_EQ(error_with("conv_in", 0), "accepted");
  expect_error(error_with("", 0),
               "q.safetensors: unet/conv_in.weight: codes of input_scale 1.000000 (channel 0), "
               "expected 0.500000 as the layer has");
  expect_error(error_with("conv_in", 2), "codes of hadamard 2, expected 0 as the layer has");
  expect_error(error_with("other", 0),
               "conv_in.weight: codes of layer other, expected those of conv_in");
}

TEST_F(ModelQuantizationTest, OtherVersionsOfTheDescriptionAreRefused) {
  formats::ModelFolder folder = bundle(nlohmann::json::object());
  EXPECT_TRUE(read_quantization(folder));
  folder.edgefusion["quantization"]["version"] = 2;
  const auto newer = read_quantization(folder);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), ErrorCode::unsupported);
  expect_error(newer.error().message(), "version: expected 1, found 2");
  folder.edgefusion["quantization"]["version"] = "1";
  EXPECT_FALSE(read_quantization(folder));
}

TEST_F(ModelQuantizationTest, LayersAndNetworksThatAreNotThereAreTold) {
  expect_error(error_of("conv_inn", {{"scheme", "bf16"}}), "unet/conv_inn: the network has no");
  const auto read = read_quantization(bundle({{"unett", {{"layers", nlohmann::json::object()}}}}));
  ASSERT_FALSE(read);
  expect_error(read.error().message(), "unett: no such network");
}

TEST_F(ModelQuantizationTest, AutoMeansEightBitsForQuantisedModelsAlone) {
  const formats::ModelFolder quantized = bundle(nlohmann::json::object());
  const auto plain = formats::open_diffusers_folder(kModel);
  ASSERT_TRUE(plain);
  const IsaSet isa = Isa::avx2;
  EXPECT_EQ(*choose_precision("auto", quantized, isa), engine::Precision::int8);
  EXPECT_EQ(*choose_precision("auto", *plain, isa), engine::Precision::f32);
  EXPECT_EQ(*choose_precision("bf16", quantized, isa), engine::Precision::bf16);
  const auto refused = choose_precision("int8", *plain, isa);
  ASSERT_FALSE(refused);
  expect_error(refused.error().message(), "is not quantised");
  EXPECT_FALSE(choose_precision("int7", quantized, isa));
  EXPECT_TRUE(read_quantization(*plain)->empty());
}

}  // namespace
}  // namespace edgefusion::pipeline
