#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "core/activation.h"
#include "core/result.h"

namespace edgefusion::models {

/// What transformers' BertModel reads from its config.json (all-MiniLM-L6: 6 layers, 384 wide).
struct BertTextConfig {
  int64_t vocab_size = 30522;
  int64_t width = 768;
  int64_t inner_width = 3072;
  int layers = 12;
  int heads = 12;
  int64_t max_tokens = 512;
  int64_t token_types = 2;
  int32_t padding_token = 0;
  Activation activation = Activation::gelu;
  float layer_norm_eps = 1e-12f;
};

/// Errors: one bad_file that lists every complaint, unknown keys included.
Result<BertTextConfig> parse_bert_text_config(const nlohmann::json& config,
                                              const std::string& origin);

}  // namespace edgefusion::models
