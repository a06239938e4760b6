#include "text/tokenizer_json.h"

#include <nlohmann/json.hpp>

#include "text/json_text.h"

namespace edgefusion::text {
namespace {

using nlohmann::json;

/// object[key], or null where there is none.
const json& member(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

Status expect_text(const json& model, const char* key, const char* expected) {
  const json& value = member(model, key);
  if (value == expected) return {};
  return fail(ErrorCode::unsupported, std::string("model.") + key + ": " +
                                          value.dump(-1, ' ', true).substr(0, 64) +
                                          ", expected \"" + expected + "\"");
}

/// ["a b", ...] or [["a", "b"], ...]
Result<MergeList> parse_merge_array(const json& array) {
  if (!array.is_array()) {
    return fail(ErrorCode::bad_file,
                std::string("model.merges: a JSON ") + array.type_name() + ", expected an array");
  }
  MergeList merges;
  for (size_t i = 0; i < array.size(); ++i) {
    const json& merge = array[i];
    const auto* line = merge.get_ptr<const json::string_t*>();
    const size_t space = line ? line->find(' ') : std::string::npos;
    if (space != std::string::npos && line->find(' ', space + 1) == std::string::npos) {
      merges.emplace_back(line->substr(0, space), line->substr(space + 1));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      return fail(ErrorCode::bad_file,
                  "model.merges: entry " + std::to_string(i) + ": expected two symbols");
    }
  }
  return merges;
}

Status add_tokens(const json& array, TokenizerConfig& config) {
  if (array.is_null() || !config.added.empty()) return {};
  if (!array.is_array()) {
    return fail(ErrorCode::bad_file,
                std::string("added_tokens: a JSON ") + array.type_name() + ", expected an array");
  }
  for (const json& value : array) {
    auto token = parse_added_token(value);
    if (!token) return fail(std::move(token.error().add_context("added_tokens")));
    const json& id = member(value, "id");
    if (!id.is_number_integer() || id < 0 || id >= Vocabulary::kMaxTokens) {
      return fail(ErrorCode::bad_file, "added_tokens: " + in_quotes(token->content) + ": id " +
                                           id.dump().substr(0, 64) +
                                           ", expected an integer from 0 to " +
                                           std::to_string(Vocabulary::kMaxTokens - 1));
    }
    token->id = id.get<int32_t>();
    config.added.push_back(std::move(*token));
  }
  return {};
}

/// Options that no other file has set. Ones that are no boolean count as not said.
void complete_from_normalizer(const json& normalizer, TokenizerConfig& config) {
  if (member(normalizer, "type") != "BertNormalizer") return;
  const auto take = [&](const char* key, std::optional<bool>& option) {
    const json& value = member(normalizer, key);
    if (!option && value.is_boolean()) option = value.get<bool>();
  };
  take("lowercase", config.do_lower_case);
  take("strip_accents", config.strip_accents);
  take("handle_chinese_chars", config.tokenize_chinese_chars);
}

}  // namespace

Result<TokenizerJson> parse_tokenizer_json(std::string_view text, TokenizerConfig& config) {
  EF_TRY(const json root, parse_json(text));
  const json& model = member(root, "model");
  const json& type = member(model, "type");
  if (type != "BPE" && type != "WordPiece") {
    return fail(ErrorCode::unsupported, "model.type: " + type.dump(-1, ' ', true).substr(0, 64) +
                                            ", expected \"BPE\" or \"WordPiece\"");
  }
  auto vocabulary = Vocabulary::from_json(member(model, "vocab"));
  if (!vocabulary) return fail(std::move(vocabulary.error().add_context("model.vocab")));
  EF_TRY_STATUS(add_tokens(member(root, "added_tokens"), config));
  if (type == "BPE") {
    EF_TRY_STATUS(expect_text(model, "end_of_word_suffix", "</w>"));
    EF_TRY(MergeList merges, parse_merge_array(member(model, "merges")));
    return TokenizerJson{TokenizerJson::Model::clip_bpe, std::move(*vocabulary), std::move(merges)};
  }
  EF_TRY_STATUS(expect_text(model, "continuing_subword_prefix", "##"));
  complete_from_normalizer(member(root, "normalizer"), config);
  return TokenizerJson{TokenizerJson::Model::wordpiece, std::move(*vocabulary), {}};
}

}  // namespace edgefusion::text
