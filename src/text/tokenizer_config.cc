#include "text/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "text/json_text.h"

namespace edgefusion::text {
namespace {

using nlohmann::json;

constexpr size_t kMaxAddedTokens = 65536;
constexpr size_t kMaxAddedTokenBytes = 256;
// transformers writes 10^30 where a tokenizer has no limit of its own.
constexpr double kAbsurdLength = 1e6;

/// In the order in which transformers adds them: of two definitions of one token the later counts.
constexpr std::array<std::string_view, 7> kRoles = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

Result<json> parse_object(const TokenizerFiles& files, std::string_view name) {
  const auto it = files.find(name);
  if (it == files.end()) return json::object();
  auto parsed = parse_json(it->second);
  if (!parsed) return fail(std::move(parsed.error().add_context(std::string(name))));
  if (!parsed->is_object()) {
    return fail(ErrorCode::bad_file,
                std::string(name) + ": a JSON " + parsed->type_name() + ", expected an object");
  }
  return parsed;
}

Status read_flag(const json& object, const char* key, std::optional<bool>& flag) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  if (!it->is_boolean()) {
    return fail(ErrorCode::bad_file,
                std::string(key) + ": " + it->type_name() + ", expected true or false");
  }
  flag = it->get<bool>();
  return {};
}

Status read_max_length(const json& object, std::optional<int64_t>& length) {
  const auto it = object.find("model_max_length");
  if (it == object.end() || it->is_null()) return {};
  if (!it->is_number() || it->get<double>() < 2) {  // the begin and the end token must fit
    return fail(ErrorCode::bad_file, "model_max_length: " + it->dump().substr(0, 64) +
                                         ", expected a number of at least 2");
  }
  if (it->get<double>() < kAbsurdLength) length = it->get<int64_t>();
  return {};
}

Status read_class(const json& object, std::string& tokenizer_class) {
  const auto it = object.find("tokenizer_class");
  if (it == object.end() || it->is_null()) return {};
  if (!it->is_string()) {
    return fail(ErrorCode::bad_file,
                std::string("tokenizer_class: ") + it->type_name() + ", expected a string");
  }
  tokenizer_class = it->get<std::string>();
  if (tokenizer_class.ends_with("Fast")) tokenizer_class.resize(tokenizer_class.size() - 4);
  return {};
}

Status read_roles(const json& object, TokenizerConfig& config) {
  for (const std::string_view role : kRoles) {
    const auto it = object.find(role);
    if (it == object.end() || it->is_null()) continue;
    auto token = parse_added_token(*it);
    if (!token) return fail(std::move(token.error().add_context(std::string(role))));
    config.roles[std::string(role)] = std::move(*token);
  }
  for (const char* list : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto it = object.find(list);
    if (it == object.end() || !it->is_array()) continue;
    for (const json& value : *it) {
      auto token = parse_added_token(value);
      if (!token) return fail(std::move(token.error().add_context(list)));
      config.extra.push_back(std::move(*token));
    }
  }
  return {};
}

/// {"49406": {"content": ...}, ...}
Status read_added_tokens_decoder(const json& decoder, std::vector<AddedToken>& added) {
  if (!decoder.is_object()) {
    return fail(ErrorCode::bad_file,
                std::string("a JSON ") + decoder.type_name() + ", expected an object");
  }
  for (const auto& [key, value] : decoder.items()) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      return fail(ErrorCode::bad_file, "key " + in_quotes(key) + ", expected an id");
    }
    auto token = parse_added_token(value);
    if (!token) return fail(std::move(token.error().add_context("id " + key)));
    token->id = id;
    added.push_back(std::move(*token));
  }
  std::ranges::stable_sort(added, {}, &AddedToken::id);
  return {};
}

/// added_tokens.json: {"<token>": 49408, ...}; special ones are looked for in the raw text.
Status read_added_tokens(const json& object, TokenizerConfig& config) {
  for (const auto& [content, value] : object.items()) {
    EF_TRY(AddedToken token, parse_added_token(content));
    if (!value.is_number_integer() || value < 0 || value >= Vocabulary::kMaxTokens) {
      return fail(ErrorCode::bad_file, "token " + in_quotes(content) + ": id " +
                                           value.dump().substr(0, 64) +
                                           ", expected an integer from 0 to " +
                                           std::to_string(Vocabulary::kMaxTokens - 1));
    }
    token.id = value.get<int32_t>();
    token.normalized = std::ranges::none_of(
        config.roles, [&](const auto& role) { return role.second.content == token.content; });
    config.added.push_back(std::move(token));
  }
  std::ranges::stable_sort(config.added, {}, &AddedToken::id);
  return {};
}

using ListedTokens = std::map<std::string, AddedToken, std::less<>>;

/// Tokens that the files list with an id. A token of the vocabulary keeps the vocabulary's id.
Result<ListedTokens> resolve_listed(const TokenizerConfig& config, const Vocabulary& vocabulary) {
  if (config.added.size() + config.extra.size() > kMaxAddedTokens) {
    return fail(ErrorCode::bad_file,
                "more than " + std::to_string(kMaxAddedTokens) + " added tokens");
  }
  ListedTokens listed;
  std::map<int32_t, std::string> owner;
  for (AddedToken token : config.added) {
    const auto own_id = vocabulary.find(token.content);
    token.id = own_id.value_or(token.id);
    const bool in_range = token.id >= 0 && token.id < Vocabulary::kMaxTokens;
    const auto [place, is_new] = owner.emplace(token.id, token.content);
    const bool taken =
        (!own_id && vocabulary.has_id(token.id)) || (!is_new && place->second != token.content);
    if (!in_range || taken) {
      return fail(ErrorCode::bad_file,
                  "added token " + in_quotes(token.content) + ": id " + std::to_string(token.id) +
                      (in_range ? " is already another token's" : " is out of range"));
    }
    listed.insert_or_assign(token.content, token);
  }
  return listed;
}

Status with_file(Status status, const char* name) {
  if (!status) status.error().add_context(name);
  return status;
}

Status read_settings(const json& object, TokenizerConfig& config) {
  EF_TRY_STATUS(read_class(object, config.tokenizer_class));
  EF_TRY_STATUS(read_max_length(object, config.model_max_length));
  EF_TRY_STATUS(read_flag(object, "do_lower_case", config.do_lower_case));
  EF_TRY_STATUS(read_flag(object, "strip_accents", config.strip_accents));
  EF_TRY_STATUS(read_flag(object, "tokenize_chinese_chars", config.tokenize_chinese_chars));
  return read_roles(object, config);
}

}  // namespace

Result<AddedToken> parse_added_token(const json& value) {
  const json& content = value.is_object() && value.contains("content") ? value["content"] : value;
  if (!content.is_string()) {
    return fail(ErrorCode::bad_file, std::string("a token is a JSON ") + content.type_name() +
                                         ", expected a string or an object with a string content");
  }
  AddedToken token{.content = content.get<std::string>()};
  if (token.content.empty() || token.content.size() > kMaxAddedTokenBytes) {
    return fail(ErrorCode::bad_file, "a token of " + std::to_string(token.content.size()) +
                                         " bytes, expected 1 to " +
                                         std::to_string(kMaxAddedTokenBytes));
  }
  if (value.is_object()) {
    // What an object does not say has the defaults of the `tokenizers` library for special tokens.
    std::optional<bool> normalized, single_word;
    EF_TRY_STATUS(read_flag(value, "normalized", normalized));
    EF_TRY_STATUS(read_flag(value, "single_word", single_word));
    token.normalized = normalized.value_or(false);
    token.single_word = single_word.value_or(false);
  }
  return token;
}

Result<TokenizerConfig> parse_tokenizer_config(const TokenizerFiles& files) {
  TokenizerConfig config;
  EF_TRY(const json settings, parse_object(files, "tokenizer_config.json"));
  EF_TRY_STATUS(with_file(read_settings(settings, config), "tokenizer_config.json"));
  if (const auto decoder = settings.find("added_tokens_decoder"); decoder != settings.end()) {
    EF_TRY_STATUS(with_file(read_added_tokens_decoder(*decoder, config.added),
                            "tokenizer_config.json: added_tokens_decoder"));
    return config;
  }
  EF_TRY(const json special, parse_object(files, "special_tokens_map.json"));
  EF_TRY_STATUS(with_file(read_roles(special, config), "special_tokens_map.json"));
  EF_TRY(const json added, parse_object(files, "added_tokens.json"));
  EF_TRY_STATUS(with_file(read_added_tokens(added, config), "added_tokens.json"));
  return config;
}

Result<SpecialTokens> resolve_special_tokens(const TokenizerConfig& config,
                                             const RoleDefaults& defaults,
                                             const Vocabulary& vocabulary) {
  SpecialTokens out;
  out.vocab_size = vocabulary.id_limit();
  EF_TRY(const ListedTokens listed, resolve_listed(config, vocabulary));
  for (const AddedToken& token : config.added) {
    out.tokens.push_back(listed.find(token.content)->second);
    out.vocab_size = std::max(out.vocab_size, out.tokens.back().id + 1);
  }
  const auto add = [&](AddedToken token) -> std::optional<int32_t> {
    const auto it = listed.find(token.content);
    if (it != listed.end()) return it->second.id;
    const auto id = vocabulary.find(token.content);
    if (!id) return std::nullopt;
    token.id = *id;
    out.tokens.push_back(std::move(token));
    return id;
  };
  for (const std::string_view role : kRoles) {
    const auto given = config.roles.find(role);
    const auto preset = defaults.find(role);
    if (given == config.roles.end() && preset == defaults.end()) continue;
    const AddedToken token =
        given != config.roles.end() ? given->second : AddedToken{.content = preset->second};
    const auto id = add(token);
    if (id) {
      out.role_ids.emplace(role, *id);
    } else if (preset != defaults.end() && role != "mask_token") {
      return fail(ErrorCode::bad_file,
                  std::string(role) + " " + in_quotes(token.content) + " is not in the vocabulary");
    }
  }
  for (const AddedToken& token : config.extra) add(token);
  return out;
}

}  // namespace edgefusion::text
