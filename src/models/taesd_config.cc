#include "models/taesd_config.h"

#include "core/json.h"
#include "models/config_rules.h"

namespace edgefusion::models {
namespace {

constexpr size_t kMostStages = 8;

/// The one width all resolutions have: a residual block of this network keeps its width.
int64_t read_channels(ConfigReader& reader, std::string_view key, size_t count) {
  const std::vector<int64_t> channels =
      reader.int_list(key, std::vector<int64_t>(count, 64), {1, 4096});
  if (channels.size() != count || count == 0) {
    reader.complain(key, "one per number of blocks (" + std::to_string(count) + ")",
                    std::to_string(channels.size()));
    return 64;
  }
  for (const int64_t width : channels) {
    if (width != channels.front()) {
      reader.complain(key, "the same width everywhere",
                      std::to_string(channels.front()) + " and " + std::to_string(width));
    }
  }
  return channels.front();
}

std::vector<int64_t> read_blocks(ConfigReader& reader, std::string_view key,
                                 std::vector<int64_t> fallback) {
  std::vector<int64_t> blocks = reader.int_list(key, std::move(fallback), {0, 64});
  if (blocks.empty() || blocks.size() > kMostStages) {
    reader.complain(key, "1 to " + std::to_string(kMostStages) + " entries",
                    std::to_string(blocks.size()));
  }
  return blocks;
}

}  // namespace

int64_t TaesdConfig::pixels_per_latent() const {
  int64_t pixels = 1;
  for (size_t i = 1; i < decoder_blocks.size(); ++i) pixels *= upsampling_factor;
  return pixels;
}

Result<TaesdConfig> parse_taesd_config(const nlohmann::json& config, const std::string& origin) {
  ConfigReader reader(config, origin);
  TaesdConfig taesd;
  taesd.in_channels = reader.integer("in_channels", 3, {1, 64});
  taesd.out_channels = reader.integer("out_channels", 3, {1, 64});
  taesd.latent_channels = reader.integer("latent_channels", 4, {1, 256});
  taesd.encoder_blocks = read_blocks(reader, "num_encoder_blocks", taesd.encoder_blocks);
  taesd.decoder_blocks = read_blocks(reader, "num_decoder_blocks", taesd.decoder_blocks);
  taesd.encoder_channels =
      read_channels(reader, "encoder_block_out_channels", taesd.encoder_blocks.size());
  taesd.decoder_channels =
      read_channels(reader, "decoder_block_out_channels", taesd.decoder_blocks.size());
  taesd.activation = read_activation(reader, "act_fn", "relu");
  require_string(reader, "upsample_fn", "nearest");
  taesd.upsampling_factor = reader.integer("upsampling_scaling_factor", 2, {1, 4});
  taesd.scaling_factor = static_cast<float>(reader.number("scaling_factor", 1.0));
  taesd.shift_factor = static_cast<float>(reader.number("shift_factor", 0.0));
  if (!(taesd.scaling_factor > 0.0f)) {
    reader.complain("scaling_factor", "a positive number", describe(reader.raw("scaling_factor")));
  }
  // The magnitude and shift serve to store latents as pictures; the other two are repetitions.
  accept(reader, {"block_out_channels", "force_upcast", "latent_magnitude", "latent_shift"});
  EF_TRY_STATUS(finish_config(reader));
  return taesd;
}

}  // namespace edgefusion::models
