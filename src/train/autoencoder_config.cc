#include "train/autoencoder_config.h"

#include <algorithm>

#include "core/config_fields.h"

namespace edgefusion::train {
namespace {

/// The smallest that decodes 256 pixels in a few milliseconds: 32 channels, 8 pixels a latent.
nlohmann::json default_network() {
  const auto channels = std::vector<int>(4, 32);
  return {{"_class_name", "AutoencoderTiny"},
          {"act_fn", "relu"},
          {"in_channels", 3},
          {"out_channels", 3},
          {"latent_channels", 4},
          {"encoder_block_out_channels", channels},
          {"decoder_block_out_channels", channels},
          {"num_encoder_blocks", {1, 3, 3, 3}},
          {"num_decoder_blocks", {3, 3, 3, 1}},
          {"upsampling_scaling_factor", 2},
          {"latent_magnitude", 3},
          {"latent_shift", 0.5},
          {"scaling_factor", 1.0}};
}

void read_loss(ConfigFields& fields, AutoencoderConfig& config) {
  config.l1_weight = fields.number("l1_weight", config.l1_weight, 0, 1e6);
  config.gradient_weight = fields.number("gradient_weight", config.gradient_weight, 0, 1e6);
  config.moments_weight = fields.number("moments_weight", config.moments_weight, 0, 1e6);
  config.latent_teacher = fields.optional_path("latent_teacher");
  config.latent_weight = fields.number("latent_weight", config.latent_weight, 0, 1e6);
  config.adversarial_weight =
      fields.number("adversarial_weight", config.adversarial_weight, 0, 1e6);
  config.feature_weight = fields.number("feature_weight", config.feature_weight, 0, 1e6);
  config.adversarial_from = fields.reader.integer("adversarial_from", 0, {0, INT64_MAX});
}

}  // namespace

Result<AutoencoderConfig> AutoencoderConfig::parse(const nlohmann::json& json,
                                                   const std::filesystem::path& file) {
  ConfigFields fields(json, file);
  AutoencoderConfig config;
  config.network = default_network();
  const nlohmann::json& network = fields.reader.raw("network");
  if (network.is_object()) {
    config.network.update(network);
  } else if (!network.is_null()) {
    fields.reader.complain("network", "an object", describe(network));
  }
  config.start = fields.optional_path("start");
  config.shards = fields.paths("shards");
  config.where = shards::read_sample_filter(fields);
  config.val_shards = fields.optional_paths("val_shards");
  config.resolution = fields.reader.integer("resolution", config.resolution, {8, 4096});
  config.crop = fields.reader.integer("crop", std::min(config.crop, config.resolution),
                                      {8, config.resolution});
  read_loss(fields, config);
  read_run_fields(fields, config);
  EF_TRY_STATUS(fields.finish());
  return config;
}

}  // namespace edgefusion::train
