#include "models/unet_config.h"

#include <algorithm>

#include "core/json.h"
#include "models/config_rules.h"

namespace edgefusion::models {
namespace {

// Far beyond every published model; keeps products of sizes within 64 bits.
constexpr IntRange kChannels{1, 16384};
constexpr IntRange kWidth{1, 65536};
constexpr IntRange kLayers{1, 16};
constexpr IntRange kTransformerLayers{1, 64};
constexpr IntRange kHeads{1, 1024};
constexpr size_t kMostStages = 16;
constexpr int64_t kMostTransformerBlocks = 2048;

/// A list with one entry per stage, or nothing (and a complaint).
std::vector<std::string> block_types(ConfigReader& reader, std::string_view key,
                                     std::vector<std::string> fallback, size_t count) {
  std::vector<std::string> types = reader.string_list(key, std::move(fallback));
  if (types.size() == count) return types;
  reader.complain(key, "one per block_out_channels (" + std::to_string(count) + ")",
                  std::to_string(types.size()));
  types.resize(count);
  return types;
}

bool has_attention(ConfigReader& reader, std::string_view key, const std::string& type) {
  const bool down = key == "down_block_types";
  const std::string plain = down ? "DownBlock2D" : "UpBlock2D";
  const std::string attention = "CrossAttn" + plain;
  if (type != plain && type != attention) {
    reader.complain(key, plain + " or " + attention, describe(nlohmann::json(type)));
  }
  return type == attention;
}

std::vector<int64_t> read_heads(ConfigReader& reader, size_t stages) {
  // In diffusers `attention_head_dim` has been the number of heads since the first release (its
  // issue 2011); only the later `num_attention_heads` says what it means.
  std::vector<int64_t> heads = reader.int_or_list("attention_head_dim", stages, 8, kHeads);
  if (reader.has("num_attention_heads")) {
    heads = reader.int_or_list("num_attention_heads", stages, 8, kHeads);
  }
  accept(reader, {"num_attention_heads"});
  return heads;
}

void check_stage(ConfigReader& reader, const UNetStage& stage, int norm_groups) {
  const std::string channels = std::to_string(stage.channels);
  if (norm_groups > 0 && stage.channels % norm_groups != 0) {
    reader.complain("norm_num_groups", "a divisor of block_out_channels " + channels,
                    std::to_string(norm_groups));
  }
  const bool attends = stage.down_attention || stage.up_attention;
  if (attends && stage.heads > 0 && stage.channels % stage.heads != 0) {
    reader.complain("attention_head_dim",
                    "a number of heads that divides block_out_channels " + channels,
                    std::to_string(stage.heads));
  }
}

std::vector<UNetStage> read_stages(ConfigReader& reader) {
  const std::vector<int64_t> channels =
      reader.int_list("block_out_channels", {320, 640, 1280, 1280}, kChannels);
  const size_t count = channels.size();
  if (count == 0 || count > kMostStages) {
    reader.complain("block_out_channels", "1 to 16 entries", std::to_string(count));
    return {};
  }
  const std::string cross_down = "CrossAttnDownBlock2D", cross_up = "CrossAttnUpBlock2D";
  const auto down_types = block_types(reader, "down_block_types",
                                      {cross_down, cross_down, cross_down, "DownBlock2D"}, count);
  const auto up_types =
      block_types(reader, "up_block_types", {"UpBlock2D", cross_up, cross_up, cross_up}, count);
  const auto layers = reader.int_or_list("layers_per_block", count, 2, kLayers);
  const auto transformers =
      reader.int_or_list("transformer_layers_per_block", count, 1, kTransformerLayers);
  const auto widths = reader.int_or_list("cross_attention_dim", count, 1280, kWidth);
  const auto heads = read_heads(reader, count);
  const auto only_cross = reader.bool_or_list("only_cross_attention", count, false);

  std::vector<UNetStage> stages(count);
  for (size_t i = 0; i < count; ++i) {
    stages[i].channels = channels[i];
    stages[i].layers = static_cast<int>(layers[i]);
    stages[i].down_attention = has_attention(reader, "down_block_types", down_types[i]);
    // Up blocks are listed coarsest first.
    stages[i].up_attention = has_attention(reader, "up_block_types", up_types[count - 1 - i]);
    stages[i].heads = static_cast<int>(heads[i]);
    stages[i].transformer_layers = static_cast<int>(transformers[i]);
    stages[i].context_width = widths[i];
    stages[i].only_cross_attention = only_cross[i];
  }
  return stages;
}

void check_stages(ConfigReader& reader, const UNetConfig& config) {
  int64_t transformer_blocks = 0;
  for (const UNetStage& stage : config.stages) {
    check_stage(reader, stage, config.norm_groups);
    transformer_blocks += (2 * stage.layers + 1) * stage.transformer_layers;
    if (stage.context_width != config.stages.back().context_width) {
      reader.complain("cross_attention_dim", "the same width in every stage",
                      std::to_string(stage.context_width) + " and " +
                          std::to_string(config.stages.back().context_width));
    }
  }
  if (transformer_blocks > kMostTransformerBlocks) {
    reader.complain("transformer_layers_per_block",
                    "at most " + std::to_string(kMostTransformerBlocks) + " blocks in all",
                    std::to_string(transformer_blocks));
  }
  const bool mid_attends = config.mid_block == UNetMidBlock::cross_attention;
  if (mid_attends && !config.stages.empty()) {
    UNetStage innermost = config.stages.back();
    innermost.down_attention = true;
    check_stage(reader, innermost, 0);
  }
}

UNetMidBlock read_mid_block(ConfigReader& reader, const nlohmann::json& config) {
  const std::string key = "mid_block_type";
  const std::string cross_attention = "UNetMidBlock2DCrossAttn";
  // Null means no mid block, an absent key the usual one.
  if (config.is_object() && config.contains(key) && config[key].is_null()) {
    accept(reader, {key});
    return UNetMidBlock::none;
  }
  const std::string type = reader.string(key, cross_attention);
  if (type == cross_attention) return UNetMidBlock::cross_attention;
  if (type != "UNetMidBlock2D") {
    reader.complain(key, "null, UNetMidBlock2D or " + cross_attention, describe(reader.raw(key)));
  }
  return UNetMidBlock::plain;
}

int read_kernel(ConfigReader& reader, std::string_view key) {
  const int64_t kernel = reader.integer(key, 3, {1, 15});
  // An even kernel with diffusers' padding would change the size of the picture.
  if (kernel % 2 == 0) reader.complain(key, "an odd size", std::to_string(kernel));
  return static_cast<int>(kernel);
}

Activation read_optional_activation(ConfigReader& reader, std::string_view key) {
  accept(reader, {key});
  return reader.has(key) ? read_activation(reader, key, "silu") : Activation::none;
}

float read_scale(ConfigReader& reader, std::string_view key) {
  const double scale = reader.number(key, 1.0);
  if (!(scale > 0.0)) reader.complain(key, "a positive number", describe(reader.raw(key)));
  return static_cast<float>(scale);
}

void read_time(ConfigReader& reader, UNetConfig& config) {
  config.flip_sin_to_cos = reader.boolean("flip_sin_to_cos", true);
  config.freq_shift = static_cast<float>(reader.number("freq_shift", 0.0));
  require_string(reader, "time_embedding_type", "positional");
  const int64_t first = config.stages.empty() ? 1 : config.stages.front().channels;
  config.time_embedding_width = reader.integer("time_embedding_dim", 4 * first, kWidth);
  config.time_cond_width = reader.integer("time_cond_proj_dim", 0, kWidth);
  config.time_embedding_activation = read_optional_activation(reader, "time_embedding_act_fn");
  config.timestep_post_activation = read_optional_activation(reader, "timestep_post_act");
  if (first / 2 <= config.freq_shift) {
    reader.complain("freq_shift", "less than half of the first of block_out_channels",
                    describe(reader.raw("freq_shift")));
  }
}

void read_sample_size(ConfigReader& reader, UNetConfig& config) {
  // Only a hint for the default picture size; pairs are allowed and not needed.
  const nlohmann::json& size = reader.raw("sample_size");
  if (!size.is_array()) config.sample_size = reader.optional_integer("sample_size", kWidth);
}

void refuse_what_is_not_offered(ConfigReader& reader) {
  refuse_if_set(reader, {"addition_embed_type", "class_embed_type", "class_embeddings_concat",
                         "cross_attention_norm", "dual_cross_attention", "encoder_hid_dim",
                         "encoder_hid_dim_type", "num_class_embeds", "resnet_skip_time_act",
                         "reverse_transformer_layers_per_block"});
  require_string(reader, "resnet_time_scale_shift", "default");
  require_string(reader, "attention_type", "default");
  if (reader.number("resnet_out_scale_factor", 1.0) != 1.0) {
    reader.complain("resnet_out_scale_factor", "1 (others are not supported)",
                    describe(reader.raw("resnet_out_scale_factor")));
  }
  // Read only by the embeddings refused above, by training, or by half-precision arithmetic.
  accept(reader, {"addition_embed_type_num_heads", "addition_time_embed_dim", "dropout",
                  "mid_block_only_cross_attention", "projection_class_embeddings_input_dim",
                  "upcast_attention"});
}

}  // namespace

int64_t UNetConfig::context_width() const {
  const bool any = mid_block == UNetMidBlock::cross_attention ||
                   std::any_of(stages.begin(), stages.end(), [](const UNetStage& stage) {
                     return stage.down_attention || stage.up_attention;
                   });
  return any && !stages.empty() ? stages.back().context_width : 0;
}

Result<UNetConfig> parse_unet_config(const nlohmann::json& config, const std::string& origin) {
  ConfigReader reader(config, origin);
  UNetConfig unet;
  unet.in_channels = reader.integer("in_channels", 4, kChannels);
  unet.out_channels = reader.integer("out_channels", 4, kChannels);
  unet.stages = read_stages(reader);
  unet.mid_block = read_mid_block(reader, config);
  unet.mid_block_scale_factor = read_scale(reader, "mid_block_scale_factor");
  unet.activation = read_activation(reader, "act_fn", "silu");
  unet.norm_groups = static_cast<int>(reader.integer("norm_num_groups", 32, {1, 16384}));
  if (config.is_object() && config.contains("norm_num_groups") &&
      config["norm_num_groups"].is_null()) {
    reader.complain("norm_num_groups", "integer", "null");
  }
  unet.norm_eps = static_cast<float>(reader.number("norm_eps", 1e-5));
  if (!(unet.norm_eps > 0.0f)) {
    reader.complain("norm_eps", "a positive number", describe(reader.raw("norm_eps")));
  }
  unet.conv_in_kernel = read_kernel(reader, "conv_in_kernel");
  unet.conv_out_kernel = read_kernel(reader, "conv_out_kernel");
  unet.downsample_padding = static_cast<int>(reader.integer("downsample_padding", 1, {0, 1}));
  unet.linear_projection = reader.boolean("use_linear_projection", false);
  unet.center_input_sample = reader.boolean("center_input_sample", false);
  read_time(reader, unet);
  read_sample_size(reader, unet);
  refuse_what_is_not_offered(reader);
  check_stages(reader, unet);
  EF_TRY_STATUS(finish_config(reader));
  return unet;
}

}  // namespace edgefusion::models
