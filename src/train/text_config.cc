#include "train/text_config.h"

#include "core/config_fields.h"

namespace edgefusion::train {

Result<TextConfig> TextConfig::parse(const nlohmann::json& json,
                                     const std::filesystem::path& file) {
  ConfigFields fields(json, file);
  TextConfig config;
  config.teacher = fields.path("teacher");
  config.layers = fields.reader.integer("layers", config.layers, {1, 128});
  config.vocabulary_size =
      fields.reader.integer("vocabulary_size", config.vocabulary_size, {16, 1 << 20});
  config.shards = fields.optional_paths("shards");
  config.texts = fields.optional_paths("texts");
  config.wordnet = fields.optional_path("wordnet");
  if (config.shards.empty() && config.texts.empty() && config.wordnet.empty()) {
    fields.reader.complain("shards", "texts from \"shards\", \"texts\" or \"wordnet\"", "none");
  }
  config.val_shards = fields.optional_paths("val_shards");
  config.held_out_words =
      fields.reader.integer("held_out_words", config.held_out_words, {0, 100000});
  config.max_tokens = fields.reader.integer("max_tokens", config.max_tokens, {3, 4096});
  config.sentence_weight = fields.number("sentence_weight", config.sentence_weight, 0, 1e6);
  config.caption_share = fields.number("caption_share", config.caption_share, 0, 1);
  read_run_fields(fields, config);
  EF_TRY_STATUS(fields.finish());
  return config;
}

}  // namespace edgefusion::train
