#include "models/vae_config.h"

#include "core/json.h"
#include "models/config_rules.h"

namespace edgefusion::models {
namespace {

constexpr IntRange kChannels{1, 4096};
constexpr size_t kMostStages = 8;

void require_block_types(ConfigReader& reader, std::string_view key, const std::string& only,
                         size_t count) {
  const std::vector<std::string> types =
      reader.string_list(key, std::vector<std::string>(count, only));
  if (types.size() != count) {
    reader.complain(key, "one per block_out_channels (" + std::to_string(count) + ")",
                    std::to_string(types.size()));
  }
  for (const std::string& type : types) {
    if (type != only) reader.complain(key, only, describe(nlohmann::json(type)));
  }
}

void check_channels(ConfigReader& reader, VaeConfig& vae) {
  if (vae.channels.empty() || vae.channels.size() > kMostStages) {
    reader.complain("block_out_channels", "1 to " + std::to_string(kMostStages) + " entries",
                    std::to_string(vae.channels.size()));
    vae.channels = {64};
  }
  for (const int64_t channels : vae.channels) {
    if (vae.norm_groups > 0 && channels % vae.norm_groups != 0) {
      reader.complain("norm_num_groups",
                      "a divisor of block_out_channels " + std::to_string(channels),
                      std::to_string(vae.norm_groups));
    }
  }
}

}  // namespace

Result<VaeConfig> parse_vae_config(const nlohmann::json& config, const std::string& origin) {
  ConfigReader reader(config, origin);
  VaeConfig vae;
  vae.in_channels = reader.integer("in_channels", 3, {1, 64});
  vae.out_channels = reader.integer("out_channels", 3, {1, 64});
  vae.latent_channels = reader.integer("latent_channels", 4, {1, 256});
  vae.channels = reader.int_list("block_out_channels", {64}, kChannels);
  vae.layers = static_cast<int>(reader.integer("layers_per_block", 1, {1, 16}));
  vae.norm_groups = static_cast<int>(reader.integer("norm_num_groups", 32, kChannels));
  vae.activation = read_activation(reader, "act_fn", "silu");
  vae.quant_conv = reader.boolean("use_quant_conv", true);
  vae.post_quant_conv = reader.boolean("use_post_quant_conv", true);
  vae.mid_attention = reader.boolean("mid_block_add_attention", true);
  vae.scaling_factor = static_cast<float>(reader.number("scaling_factor", 0.18215));
  vae.shift_factor = static_cast<float>(reader.number("shift_factor", 0.0));
  if (!(vae.scaling_factor > 0.0f)) {
    reader.complain("scaling_factor", "a positive number", describe(reader.raw("scaling_factor")));
  }
  check_channels(reader, vae);
  require_block_types(reader, "down_block_types", "DownEncoderBlock2D", vae.channels.size());
  require_block_types(reader, "up_block_types", "UpDecoderBlock2D", vae.channels.size());
  refuse_if_set(reader, {"latents_mean", "latents_std"});
  accept(reader, {"force_upcast", "sample_size"});
  EF_TRY_STATUS(finish_config(reader));
  return vae;
}

}  // namespace edgefusion::models
