#include "quant/layer_list.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/program.h"
#include "engine/testing/small_network.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

LayerList small_list() {
  LayerList list;
  append_layers(
      engine::prepared(engine::small_network(1, 10, 12), {.precision = engine::Precision::bf16}),
      "unet", list);
  return list;
}

const Layer& layer_called(const LayerList& list, const std::string& name) {
  const auto found = std::ranges::find(list.layers, name, &Layer::name);
  EF_CHECK(found != list.layers.end(), "no layer " + name);
  return *found;
}

bool can_be(const Layer& layer, Scheme scheme) {
  return std::ranges::count(layer.schemes, scheme) != 0;
}

TEST(LayerList, HasAllMatrixLayersButThoseOfVectors) {
  const LayerList list = small_list();
  std::vector<std::string> names;
  for (const Layer& layer : list.layers) names.push_back(layer.path());
  std::ranges::sort(names);
  // q, k and v of one input are one layer; "time" is computed once a step.
  const std::vector<std::string> expected = {
      "unet/conv1", "unet/conv2", "unet/conv_in", "unet/conv_out", "unet/down",
      "unet/ff1",   "unet/ff2",   "unet/k2",      "unet/out",      "unet/out2",
      "unet/q",     "unet/q2",    "unet/up"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(list.attentions.size(), 2u);
}

TEST(LayerList, TellsTensorsInputsAndWork) {
  const LayerList list = small_list();
  const Layer& merged = layer_called(list, "q");
  EXPECT_EQ(merged.weights, (std::vector<std::string>{"q.weight", "k.weight", "v.weight"}));
  EXPECT_EQ(merged.weight_shape, (Shape{144, 48}));
  EXPECT_TRUE(merged.biases.empty());
  EXPECT_EQ(merged.kind, "linear");
  EXPECT_EQ(merged.macs, 5 * 6 * 48 * 144);
  const Layer& conv = layer_called(list, "conv1");
  EXPECT_EQ(conv.kind, "conv3x3");
  EXPECT_EQ(conv.biases, std::vector<std::string>{"conv1.bias"});
  EXPECT_EQ(conv.channels(), 40);
  EXPECT_EQ(conv.taps(), 9);
  EXPECT_EQ(conv.macs, 10 * 12 * 40 * 40 * 9);
  // Below conversions and reshapes.
  EXPECT_EQ(layer_called(list, "conv_in").inputs, std::vector<std::string>{"x"});
  EXPECT_EQ(layer_called(list, "k2").inputs, std::vector<std::string>{"text"});
  EXPECT_EQ(layer_called(list, "k2").input_channels, std::vector<int64_t>{24});
}

TEST(LayerList, OffersWhatKernelsCanDo) {
  const LayerList list = small_list();
  for (const Layer& layer : list.layers) {
    // Few channels stay in f32 where they are not quantised.
    EXPECT_EQ(can_be(layer, Scheme::bf16), layer.name != "conv_in") << layer.name;
    EXPECT_TRUE(can_be(layer, Scheme::f32) || layer.name == "ff1") << layer.name;
    EXPECT_TRUE(can_be(layer, Scheme::w8a8)) << layer.name;
  }
  EXPECT_TRUE(can_be(layer_called(list, "conv1"), Scheme::w8a8_winograd));
  EXPECT_FALSE(can_be(layer_called(list, "conv1"), Scheme::w8a8_dynamic));
  EXPECT_FALSE(can_be(layer_called(list, "down"), Scheme::w8a8_winograd));  // of stride 2
  EXPECT_FALSE(can_be(layer_called(list, "q"), Scheme::w8a8_winograd));
  EXPECT_TRUE(can_be(layer_called(list, "q"), Scheme::w8a8_dynamic));
  EXPECT_TRUE(can_be(layer_called(list, "q"), Scheme::palette4));
}

}  // namespace
}  // namespace edgefusion::quant
