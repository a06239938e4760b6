#include "graph/quantization.h"

#include <gtest/gtest.h>

namespace edgefusion::graph {
namespace {

TEST(Quantization, SchemesAreReadByTheNamesTheyHave) {
  const auto names = scheme_names();
  ASSERT_FALSE(names.empty());
  for (size_t i = 0; i < names.size(); ++i) {
    const auto scheme = parse_scheme(names[i]);
    ASSERT_TRUE(scheme) << names[i];
    EXPECT_EQ(*scheme, static_cast<Scheme>(i));
    EXPECT_EQ(to_string(*scheme), names[i]);
  }
  EXPECT_EQ(to_string(Scheme::w8a8_winograd), names.back());
  for (const AttentionScheme scheme : {AttentionScheme::bf16, AttentionScheme::int8}) {
    EXPECT_EQ(*parse_attention_scheme(to_string(scheme)), scheme);
  }
}

TEST(Quantization, UnknownNamesAreToldWithTheNearestOnOneLine) {
  const auto message = [](std::string_view name) { return parse_scheme(name).error().message(); };
  EXPECT_NE(message("w8a8_winogrd").find("did you mean \"w8a8_winograd\"?"), std::string::npos);
  EXPECT_NE(message("pallete4").find("did you mean \"palette4\"?"), std::string::npos);
  EXPECT_EQ(message("something else").find("did you mean"), std::string::npos);
  EXPECT_EQ(message("a\nb").find('\n'), std::string::npos);
  EXPECT_FALSE(parse_scheme(""));
  EXPECT_FALSE(parse_attention_scheme("w8a8"));
}

TEST(Quantization, OnlySchemesOfA8HaveActivationsOf8Bits) {
  for (const std::string_view name : scheme_names()) {
    EXPECT_EQ(has_int8_activations(*parse_scheme(name)), name.starts_with("w8a8")) << name;
  }
}

TEST(Quantization, OneScaleIsThatOfAllChannelsAndNoneIsOne) {
  LayerQuantization layer;
  EXPECT_EQ(layer.channel_scales(2), (std::vector<float>{1, 1}));
  layer.input_scale = {0.5f};
  EXPECT_EQ(layer.channel_scales(3), (std::vector<float>{0.5f, 0.5f, 0.5f}));
  layer.input_scale = {1, 2, 4};
  EXPECT_EQ(layer.channel_scales(3), layer.input_scale);
  EXPECT_DEATH((void)layer.channel_scales(2), "scales of 3 channels, the layer has 2");
}

TEST(Quantization, WhatIsNotNamedIsBf16) {
  NetworkQuantization network;
  network.layers["conv_in"].scheme = Scheme::w8a8;
  network.attentions["attn"] = AttentionScheme::int8;
  EXPECT_EQ(network.layer("conv_in")->scheme, Scheme::w8a8);
  EXPECT_EQ(network.layer("conv"), nullptr);
  EXPECT_EQ(network.attention("attn"), AttentionScheme::int8);
  EXPECT_EQ(network.attention("conv_in"), AttentionScheme::bf16);
}

}  // namespace
}  // namespace edgefusion::graph
