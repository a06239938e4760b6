#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/activation.h"
#include "core/result.h"

namespace edgefusion::models {

/// One resolution of a U-Net: a down block and the up block that answers it.
struct UNetStage {
  int64_t channels = 0;
  int layers = 0;               ///< residual blocks of the down block; the up block has one more
  bool down_attention = false;  ///< CrossAttnDownBlock2D, else DownBlock2D
  bool up_attention = false;    ///< CrossAttnUpBlock2D, else UpBlock2D
  int heads = 0;
  int transformer_layers = 1;
  int64_t context_width = 0;          ///< cross_attention_dim
  bool only_cross_attention = false;  ///< attn1 looks at the text too
};

enum class UNetMidBlock : uint8_t { none, plain, cross_attention };

/// What diffusers' UNet2DConditionModel reads from its config.json, as far as it changes the
/// arithmetic. SD 1.x, SD 2.x and the BK-SDM family are values of it.
struct UNetConfig {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  std::vector<UNetStage> stages;  ///< finest first
  UNetMidBlock mid_block = UNetMidBlock::cross_attention;
  float mid_block_scale_factor = 1.0f;

  Activation activation = Activation::silu;
  int norm_groups = 32;
  float norm_eps = 1e-5f;
  int conv_in_kernel = 3;
  int conv_out_kernel = 3;
  int downsample_padding = 1;  ///< 0: one row and column of zeros at the bottom and right only
  bool linear_projection = false;
  bool center_input_sample = false;

  bool flip_sin_to_cos = true;
  float freq_shift = 0.0f;
  int64_t time_embedding_width = 0;
  int64_t time_cond_width = 0;  ///< time_cond_proj_dim (the w embedding of LCM); 0: none
  Activation time_embedding_activation = Activation::none;  ///< once, after the time MLP
  Activation timestep_post_activation = Activation::none;   ///< at the end of the time MLP

  std::optional<int64_t> sample_size;  ///< latent pixels the model was trained on, a hint

  /// Width of the text states every cross-attention reads; 0 if the network has none.
  int64_t context_width() const;
};

/// Reads a config.json of a UNet2DConditionModel. `origin` leads every complaint.
/// Errors: one bad_file that lists all: wrong types, sizes out of range, variants we do not compute
/// (by key and value), and unknown keys.
Result<UNetConfig> parse_unet_config(const nlohmann::json& config, const std::string& origin);

}  // namespace edgefusion::models
