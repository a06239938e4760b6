#include "models/bert_text_config.h"

#include "core/json.h"
#include "models/config_rules.h"

namespace edgefusion::models {

Result<BertTextConfig> parse_bert_text_config(const nlohmann::json& config,
                                              const std::string& origin) {
  ConfigReader reader(config, origin);
  BertTextConfig bert;
  bert.vocab_size = reader.integer("vocab_size", 30522, {1, int64_t{1} << 22});
  bert.width = reader.integer("hidden_size", 768, {1, 16384});
  bert.inner_width = reader.integer("intermediate_size", 3072, {1, 65536});
  bert.layers = static_cast<int>(reader.integer("num_hidden_layers", 12, {1, 128}));
  bert.heads = static_cast<int>(reader.integer("num_attention_heads", 12, {1, 1024}));
  bert.max_tokens = reader.integer("max_position_embeddings", 512, {1, 65536});
  bert.token_types = reader.integer("type_vocab_size", 2, {1, 65536});
  bert.padding_token = static_cast<int32_t>(reader.integer("pad_token_id", 0, {0, 1 << 22}));
  bert.activation = read_activation(reader, "hidden_act", "gelu");
  bert.layer_norm_eps = static_cast<float>(reader.number("layer_norm_eps", 1e-12));
  require_string(reader, "position_embedding_type", "absolute");
  if (bert.heads > 0 && bert.width % bert.heads != 0) {
    reader.complain("num_attention_heads", "a divisor of hidden_size " + std::to_string(bert.width),
                    std::to_string(bert.heads));
  }
  accept_transformers_keys(reader);
  accept(reader, {"attention_probs_dropout_prob", "bos_token_id", "classifier_dropout",
                  "eos_token_id", "hidden_dropout_prob"});
  EF_TRY_STATUS(finish_config(reader));
  return bert;
}

}  // namespace edgefusion::models
