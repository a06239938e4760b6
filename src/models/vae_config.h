#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/activation.h"
#include "core/result.h"

namespace edgefusion::models {

/// What diffusers' AutoencoderKL reads from its config.json.
struct VaeConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t latent_channels = 4;
  std::vector<int64_t> channels = {64};  ///< by resolution, finest first
  int layers = 1;  ///< residual blocks of a down block; up blocks have one more
  int norm_groups = 32;
  Activation activation = Activation::silu;
  bool quant_conv = true;       ///< 1x1 convolution behind the encoder
  bool post_quant_conv = true;  ///< and before the decoder
  bool mid_attention = true;
  /// The pipeline's part: latents = (encoder's latents - shift) * scaling.
  float scaling_factor = 0.18215f;
  float shift_factor = 0.0f;

  /// Image pixels per latent pixel and side.
  int64_t pixels_per_latent() const { return int64_t{1} << (channels.size() - 1); }
};

/// Errors: one bad_file that lists every complaint, unknown keys included.
Result<VaeConfig> parse_vae_config(const nlohmann::json& config, const std::string& origin);

}  // namespace edgefusion::models
