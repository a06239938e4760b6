#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "text/added_tokens.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace edgefusion::text {

/// What the settings files say; everything is optional.
struct TokenizerConfig {
  std::string tokenizer_class;  ///< without a trailing "Fast"; empty if not said
  std::optional<int64_t> model_max_length;
  std::optional<bool> do_lower_case;
  std::optional<bool> strip_accents;
  std::optional<bool> tokenize_chinese_chars;
  std::map<std::string, AddedToken, std::less<>> roles;  ///< "bos_token" -> token, id not yet known
  std::vector<AddedToken> added;                         ///< with ids
  std::vector<AddedToken> extra;                         ///< without ids
};

/// Reads tokenizer_config.json and, unless it lists `added_tokens_decoder`, the older
/// special_tokens_map.json (whose entries win) and added_tokens.json; absent files are fine.
/// Errors: bad_file, beginning with the file's name.
Result<TokenizerConfig> parse_tokenizer_config(const TokenizerFiles& files);

/// A token as the files write it: "text", or {"content": "text", "normalized": ..., ...}.
Result<AddedToken> parse_added_token(const nlohmann::json& value);

/// Special tokens with their ids from the vocabulary (or from `added`), in the order in which
/// transformers adds them. `defaults` are the roles of the tokenizer's class, which must all be
/// known in the end but for mask_token; others that have no id are left out.
struct SpecialTokens {
  std::vector<AddedToken> tokens;
  std::map<std::string, int32_t, std::less<>> role_ids;
  int32_t vocab_size = 0;
};
using RoleDefaults = std::map<std::string, std::string, std::less<>>;
Result<SpecialTokens> resolve_special_tokens(const TokenizerConfig& config,
                                             const RoleDefaults& defaults,
                                             const Vocabulary& vocabulary);

}  // namespace edgefusion::text
