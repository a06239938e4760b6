#include "models/clip_text_config.h"

#include <algorithm>

#include "core/json.h"
#include "models/config_rules.h"

namespace edgefusion::models {
namespace {

constexpr IntRange kWidth{1, 16384};

}  // namespace

Result<ClipTextConfig> parse_clip_text_config(const nlohmann::json& config,
                                              const std::string& origin) {
  ConfigReader reader(config, origin);
  ClipTextConfig clip;
  const std::vector<std::string> classes = reader.string_list("architectures", {});
  clip.has_projection =
      std::find(classes.begin(), classes.end(), "CLIPTextModelWithProjection") != classes.end();
  clip.vocab_size = reader.integer("vocab_size", 49408, {1, int64_t{1} << 22});
  clip.width = reader.integer("hidden_size", 512, kWidth);
  clip.inner_width = reader.integer("intermediate_size", 2048, {1, 65536});
  clip.layers = static_cast<int>(reader.integer("num_hidden_layers", 12, {1, 128}));
  clip.heads = static_cast<int>(reader.integer("num_attention_heads", 8, {1, 1024}));
  clip.max_tokens = reader.integer("max_position_embeddings", 77, {1, 65536});
  clip.activation = read_activation(reader, "hidden_act", "quick_gelu");
  clip.layer_norm_eps = static_cast<float>(reader.number("layer_norm_eps", 1e-5));
  clip.projection_width = reader.integer("projection_dim", 512, kWidth);
  clip.end_token = static_cast<int32_t>(reader.integer("eos_token_id", 49407, {0, 1 << 22}));
  if (clip.heads > 0 && clip.width % clip.heads != 0) {
    reader.complain("num_attention_heads", "a divisor of hidden_size " + std::to_string(clip.width),
                    std::to_string(clip.heads));
  }
  accept_transformers_keys(reader);
  accept(reader, {"attention_dropout", "bos_token_id", "dropout", "pad_token_id"});
  EF_TRY_STATUS(finish_config(reader));
  return clip;
}

}  // namespace edgefusion::models
