#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/activation.h"
#include "core/result.h"

namespace edgefusion::models {

/// What diffusers' AutoencoderTiny reads from its config.json.
struct TaesdConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t latent_channels = 4;
  int64_t encoder_channels = 64;
  int64_t decoder_channels = 64;
  std::vector<int64_t> encoder_blocks = {1, 3, 3, 3};  ///< per resolution, finest first
  std::vector<int64_t> decoder_blocks = {3, 3, 3, 1};  ///< per resolution, coarsest first
  Activation activation = Activation::relu;
  int64_t upsampling_factor = 2;
  float scaling_factor = 1.0f;  ///< the pipeline's part
  float shift_factor = 0.0f;

  /// Image pixels per latent pixel and side, on the decoder's way.
  int64_t pixels_per_latent() const;
};

/// Errors: one bad_file that lists every complaint, unknown keys included.
Result<TaesdConfig> parse_taesd_config(const nlohmann::json& config, const std::string& origin);

}  // namespace edgefusion::models
