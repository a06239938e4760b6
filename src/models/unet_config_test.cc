#include "models/unet_config.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/json.h"

namespace edgefusion::models {
namespace {

using nlohmann::json;

Result<UNetConfig> parse(const json& config) { return parse_unet_config(config, "config.json"); }

json small() {
  return {{"_class_name", "UNet2DConditionModel"},
          {"block_out_channels", {32, 64}},
          {"down_block_types", {"CrossAttnDownBlock2D", "DownBlock2D"}},
          {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D"}},
          {"norm_num_groups", 8},
          {"attention_head_dim", 4},
          {"cross_attention_dim", 24}};
}

json with(const std::string& key, json value) {
  json config = small();
  config[key] = std::move(value);
  return config;
}

void expect_refused(const json& config, const std::vector<std::string>& words) {
  const auto parsed = parse(config);
  ASSERT_FALSE(parsed) << config.dump();
  for (const std::string& word : words) {
    EXPECT_NE(parsed.error().message().find(word), std::string::npos)
        << word << " in: " << parsed.error().message();
  }
}

TEST(UNetConfig, AbsentKeysHaveTheDefaultsOfDiffusers) {
  const auto config = parse(json::object());
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->stages.size(), 4u);
  EXPECT_EQ(config->stages[3].channels, 1280);
  EXPECT_EQ(config->stages[0].layers, 2);
  EXPECT_TRUE(config->stages[0].up_attention);
  EXPECT_FALSE(config->stages[3].up_attention);
  EXPECT_EQ(config->context_width(), 1280);
  EXPECT_EQ(config->time_embedding_width, 1280);
  EXPECT_EQ(config->mid_block, UNetMidBlock::cross_attention);
  EXPECT_TRUE(config->flip_sin_to_cos);
}

TEST(UNetConfig, UpBlockTypesAreListedCoarsestFirst) {
  const auto config = parse(small());
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_TRUE(config->stages[0].down_attention);
  EXPECT_TRUE(config->stages[0].up_attention);
  EXPECT_FALSE(config->stages[1].down_attention);
  EXPECT_FALSE(config->stages[1].up_attention);
}

TEST(UNetConfig, AttentionHeadDimIsTheNumberOfHeadsUnlessThatIsGiven) {
  auto config = parse(with("attention_head_dim", json{2, 8}));
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->stages[0].heads, 2);
  EXPECT_EQ(config->stages[1].heads, 8);
  config = parse(with("num_attention_heads", 16));
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->stages[1].heads, 16);
}

TEST(UNetConfig, MidBlockMayBeAbsentNullOrPlain) {
  EXPECT_EQ(parse(small())->mid_block, UNetMidBlock::cross_attention);
  EXPECT_EQ(parse(with("mid_block_type", nullptr))->mid_block, UNetMidBlock::none);
  EXPECT_EQ(parse(with("mid_block_type", "UNetMidBlock2D"))->mid_block, UNetMidBlock::plain);
  expect_refused(with("mid_block_type", "UNetMidBlock2DSimpleCrossAttn"),
                 {"mid_block_type", "UNetMidBlock2DSimpleCrossAttn"});
}

TEST(UNetConfig, ListsAndScalarsBothSpeakForEveryStage) {
  json config = with("layers_per_block", json{1, 3});
  config["transformer_layers_per_block"] = json{2, 1};
  config["cross_attention_dim"] = json{24, 24};
  config["only_cross_attention"] = json{true, false};
  const auto parsed = parse(config);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->stages[1].layers, 3);
  EXPECT_EQ(parsed->stages[0].transformer_layers, 2);
  EXPECT_TRUE(parsed->stages[0].only_cross_attention);
  EXPECT_FALSE(parsed->stages[1].only_cross_attention);
  EXPECT_EQ(parsed->context_width(), 24);
}

TEST(UNetConfig, ANetworkWithoutAttentionReadsNoText) {
  json config = with("mid_block_type", "UNetMidBlock2D");
  config["down_block_types"] = {"DownBlock2D", "DownBlock2D"};
  config["up_block_types"] = {"UpBlock2D", "UpBlock2D"};
  EXPECT_EQ(parse(config)->context_width(), 0);
}

TEST(UNetConfig, VariantsThatChangeTheArithmeticAreRefusedByNameAndValue) {
  const std::vector<std::pair<std::string, json>> variants = {
      {"class_embed_type", "timestep"},
      {"num_class_embeds", 10},
      {"class_embeddings_concat", true},
      {"addition_embed_type", "text_time"},
      {"encoder_hid_dim", 1024},
      {"encoder_hid_dim_type", "text_proj"},
      {"dual_cross_attention", true},
      {"cross_attention_norm", "group_norm"},
      {"resnet_time_scale_shift", "scale_shift"},
      {"resnet_skip_time_act", true},
      {"resnet_out_scale_factor", 1.5},
      {"reverse_transformer_layers_per_block", json{1, 2}},
      {"time_embedding_type", "fourier"},
      {"attention_type", "gated"},
      {"act_fn", "mish"},
      {"conv_in_kernel", 4},
      {"conv_out_kernel", 0},
      {"downsample_padding", 2},
      {"mid_block_scale_factor", 0},
      {"norm_num_groups", nullptr},
      {"norm_eps", -1},
      {"freq_shift", 16},
      {"down_block_types", json{"CrossAttnDownBlock2D", "AttnDownBlock2D"}},
      {"up_block_types", json{"CrossAttnUpBlock2D", "UNetRes"}},
      {"transformer_layers_per_block", json{1, json{1, 2}}},
  };
  for (const auto& [key, value] : variants) expect_refused(with(key, value), {"config.json", key});
  expect_refused(with("class_embed_type", "timestep"), {"\"timestep\""});
}

TEST(UNetConfig, VariantsOfDiffusersThatCostNothingAreComputed) {
  json config = small();
  config["center_input_sample"] = true;
  config["conv_in_kernel"] = 5;
  config["downsample_padding"] = 0;
  config["mid_block_scale_factor"] = 1.41421356;
  config["time_cond_proj_dim"] = 256;
  config["time_embedding_act_fn"] = "silu";
  config["timestep_post_act"] = "gelu";
  config["time_embedding_dim"] = 100;
  config["act_fn"] = "swish";
  config["use_linear_projection"] = true;
  const auto parsed = parse(config);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->time_cond_width, 256);
  EXPECT_EQ(parsed->time_embedding_width, 100);
  EXPECT_EQ(parsed->timestep_post_activation, Activation::gelu);
  EXPECT_EQ(parsed->conv_in_kernel, 5);
}

TEST(UNetConfig, HarmlessKeysAreAccepted) {
  json config = small();
  config["_diffusers_version"] = "0.42.1";
  config["_name_or_path"] = "x";
  config["dropout"] = 0.1;
  config["sample_size"] = 64;
  config["upcast_attention"] = true;
  config["mid_block_only_cross_attention"] = nullptr;
  config["addition_embed_type_num_heads"] = 64;
  const auto parsed = parse(config);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->sample_size, 64);
}

TEST(UNetConfig, UnknownKeysAreRefusedBecauseTheyMayChangeTheArithmetic) {
  expect_refused(with("attention_flavour", "new"),
                 {"unknown key attention_flavour, refusing because it may change the arithmetic"});
}

TEST(UNetConfig, HostileSizesAreRefused) {
  const std::vector<std::pair<std::string, json>> sizes = {
      {"block_out_channels", json{32, int64_t{1} << 40}},
      {"block_out_channels", json::array()},
      {"block_out_channels", json(std::vector<int>(17, 32))},
      {"block_out_channels", json{-32, 64}},
      {"block_out_channels", json{33, 64}},
      {"block_out_channels", "wide"},
      {"layers_per_block", 1000000},
      {"layers_per_block", json{1, 2, 3}},
      {"transformer_layers_per_block", 0},
      {"attention_head_dim", 5},
      {"attention_head_dim", 0},
      {"cross_attention_dim", -1},
      {"cross_attention_dim", json{24, 32}},
      {"in_channels", 0},
      {"out_channels", 1e30},
      {"norm_num_groups", 0},
      {"time_cond_proj_dim", -5},
      {"conv_in_kernel", 1001},
      {"down_block_types", json{"CrossAttnDownBlock2D"}},
  };
  for (const auto& [key, value] : sizes) expect_refused(with(key, value), {"config.json"});
}

TEST(UNetConfig, EveryComplaintIsInOneMessage) {
  json config = with("class_embed_type", "timestep");
  config["in_channels"] = "four";
  config["nonsense"] = 1;
  expect_refused(config, {"class_embed_type", "in_channels", "nonsense"});
}

TEST(UNetConfig, WhatIsNoObjectIsRefused) {
  for (const json& config : {json(), json(3), json("x"), json::array({1})}) {
    EXPECT_FALSE(parse(config)) << config.dump();
  }
}

}  // namespace
}  // namespace edgefusion::models
