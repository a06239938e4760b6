#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/bert_text_config.h"
#include "models/clip_text_config.h"
#include "models/image_tower_config.h"
#include "models/taesd_config.h"
#include "models/vae_config.h"

// The configs beside the U-Net's: what is read, what is refused.

namespace edgefusion::models {
namespace {

using nlohmann::json;
using Variants = std::vector<std::pair<std::string, json>>;

template <typename Parse>
void expect_each_refused(const json& good, const Variants& variants, Parse parse) {
  ASSERT_TRUE(parse(good, "config.json")) << good.dump();
  for (const auto& [key, value] : variants) {
    json config = good;
    config[key] = value;
    const auto parsed = parse(config, "config.json");
    ASSERT_FALSE(parsed) << key << " " << value.dump();
    EXPECT_NE(parsed.error().message().find("config.json"), std::string::npos);
    EXPECT_NE(parsed.error().message().find(key), std::string::npos) << parsed.error().message();
  }
}

TEST(ClipTextConfig, ReadsTheWidthsAndTheProjection) {
  const json config = {{"architectures", {"CLIPTextModelWithProjection"}},
                       {"hidden_size", 1024},
                       {"num_attention_heads", 16},
                       {"num_hidden_layers", 23},
                       {"hidden_act", "gelu"},
                       {"projection_dim", 512},
                       {"eos_token_id", 2},
                       {"torch_dtype", "float16"},
                       {"transformers_version", "4.25.0"}};
  const auto clip = parse_clip_text_config(config, "config.json");
  ASSERT_TRUE(clip) << clip.error().message();
  EXPECT_EQ(clip->width, 1024);
  EXPECT_EQ(clip->layers, 23);
  EXPECT_EQ(clip->activation, Activation::gelu);
  EXPECT_TRUE(clip->has_projection);
  EXPECT_EQ(clip->end_token, 2);
}

TEST(ClipTextConfig, RefusesWhatItDoesNotCompute) {
  expect_each_refused({{"hidden_size", 64}, {"num_attention_heads", 4}},
                      {{"hidden_act", "mish"},
                       {"num_attention_heads", 7},
                       {"num_hidden_layers", 100000},
                       {"vocab_size", -1},
                       {"max_position_embeddings", int64_t{1} << 40},
                       {"rotary_embeddings", true},
                       {"pruned_heads", {{"0", {1}}}},
                       {"is_decoder", true}},
                      parse_clip_text_config);
}

TEST(BertTextConfig, RefusesWhatItDoesNotCompute) {
  expect_each_refused({{"hidden_size", 64}, {"num_attention_heads", 4}},
                      {{"position_embedding_type", "relative_key"},
                       {"num_attention_heads", 5},
                       {"hidden_size", 0},
                       {"type_vocab_size", 0},
                       {"is_decoder", true},
                       {"add_cross_attention", true},
                       {"sliding_window", 8}},
                      parse_bert_text_config);
}

TEST(VaeConfig, ReadsThePublishedAutoencoder) {
  const json config = {
      {"_class_name", "AutoencoderKL"},
      {"block_out_channels", {128, 256, 512, 512}},
      {"down_block_types", json(std::vector<std::string>(4, "DownEncoderBlock2D"))},
      {"up_block_types", json(std::vector<std::string>(4, "UpDecoderBlock2D"))},
      {"layers_per_block", 2},
      {"sample_size", 512},
      {"force_upcast", false},
      {"latents_mean", nullptr},
      {"shift_factor", nullptr},
      {"use_quant_conv", false}};
  const auto vae = parse_vae_config(config, "config.json");
  ASSERT_TRUE(vae) << vae.error().message();
  EXPECT_EQ(vae->pixels_per_latent(), 8);
  EXPECT_FALSE(vae->quant_conv);
  EXPECT_TRUE(vae->post_quant_conv);
  EXPECT_FLOAT_EQ(vae->scaling_factor, 0.18215f);
}

TEST(VaeConfig, RefusesWhatItDoesNotCompute) {
  expect_each_refused({{"block_out_channels", {32, 64}}},
                      {{"down_block_types", {"DownEncoderBlock2D", "AttnDownEncoderBlock2D"}},
                       {"up_block_types", {"UpDecoderBlock2D"}},
                       {"latents_mean", {0.1, 0.2}},
                       {"norm_num_groups", 48},
                       {"scaling_factor", 0},
                       {"layers_per_block", 0},
                       {"latent_channels", 100000},
                       {"act_fn", "mish"},
                       {"block_out_channels", json(std::vector<int>(9, 32))},
                       {"decoder_style", "new"}},
                      parse_vae_config);
}

TEST(TaesdConfig, RefusesWhatItDoesNotCompute) {
  expect_each_refused(json::object(),
                      {{"encoder_block_out_channels", {64, 64, 64, 32}},
                       {"decoder_block_out_channels", {64}},
                       {"num_decoder_blocks", json::array()},
                       {"num_encoder_blocks", {1, 3, 3, 1000}},
                       {"upsample_fn", "bilinear"},
                       {"upsampling_scaling_factor", 0},
                       {"act_fn", "mish"},
                       {"scaling_factor", -1},
                       {"midblock_gan", true}},
                      parse_taesd_config);
}

TEST(ImageTowerConfig, ReadsStagesAndTheTextsBesideIt) {
  const auto tower = parse_image_tower_config({{"_class_name", "ImageTextModel"},
                                               {"image_size", 64},
                                               {"widths", {8, 16, 24}},
                                               {"blocks", {0, 1, 2}},
                                               {"norm_groups", 4},
                                               {"pool_heads", 3},
                                               {"embedding_width", 10},
                                               {"text_width", 48},
                                               {"text_tokens", 12}},
                                              "config.json");
  ASSERT_TRUE(tower) << tower.error().message();
  EXPECT_EQ(tower->image_size, 64);
  EXPECT_EQ(tower->blocks, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(tower->feature_width(), 24);
  EXPECT_EQ(tower->embedding_width, 10);
  EXPECT_EQ(tower->text_width, 48);
  EXPECT_EQ(tower->text_tokens, 12);
}

TEST(ImageTowerConfig, RefusesStagesThatDoNotFit) {
  const json good = {{"image_size", 16}, {"widths", {8, 16}}, {"blocks", {1, 1}}};
  expect_each_refused(good,
                      {{"image_size", 18},
                       {"image_size", 1 << 20},
                       {"widths", json::array()},
                       {"widths", {8, 20}},
                       {"blocks", {1, -1}},
                       {"blocks", {1, 1, 1}},
                       {"norm_groups", 0},
                       {"pool_heads", 3},
                       {"text_tokens", 2},
                       {"pooling", "mean"}},
                      parse_image_tower_config);
}

}  // namespace
}  // namespace edgefusion::models
