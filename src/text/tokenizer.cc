#include "text/tokenizer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/mapped_file.h"
#include "text/clip_bpe.h"
#include "text/json_text.h"
#include "text/tokenizer_config.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"
#include "text/wordpiece.h"

namespace edgefusion::text {
namespace {

constexpr size_t kMaxFileBytes = size_t{64} << 20;
constexpr std::array<const char*, 7> kFileNames = {"vocab.json",
                                                   "merges.txt",
                                                   "vocab.txt",
                                                   "tokenizer.json",
                                                   "tokenizer_config.json",
                                                   "special_tokens_map.json",
                                                   "added_tokens.json"};

using Made = Result<std::unique_ptr<Tokenizer>>;

tl::unexpected<Error> in_file(Error error, const char* name) {
  error.add_context(name);
  return fail(std::move(error));
}

Status expect_class(const TokenizerConfig& config, std::string_view expected, const char* file) {
  const std::string& found = config.tokenizer_class;
  // Classes that name no algorithm: the vocabulary's form decides.
  const bool neutral = found.empty() || found == "PreTrainedTokenizer" || found == "Tokenizers" ||
                       found == "TokenizersBackend";
  if (neutral || found == expected) return {};
  return fail(ErrorCode::unsupported,
              "tokenizer_config.json: tokenizer_class: " + in_quotes(found) + ", expected \"" +
                  std::string(expected) + "\" beside " + file);
}

Made make_clip(std::string_view vocab_json, std::string_view merges_txt,
               const TokenizerConfig& config) {
  EF_TRY_STATUS(expect_class(config, "CLIPTokenizer", "vocab.json and merges.txt"));
  auto vocabulary = Vocabulary::parse(vocab_json);
  if (!vocabulary) return in_file(std::move(vocabulary).error(), "vocab.json");
  auto merges = parse_merges(merges_txt);
  if (!merges) return in_file(std::move(merges).error(), "merges.txt");
  return ClipBpe::make(*vocabulary, *merges, config);
}

Made make_wordpiece(std::string_view vocab_txt, const TokenizerConfig& config) {
  EF_TRY_STATUS(expect_class(config, "BertTokenizer", "vocab.txt"));
  auto vocabulary = Vocabulary::from_lines(vocab_txt);
  if (!vocabulary) return in_file(std::move(vocabulary).error(), "vocab.txt");
  return WordPiece::make(std::move(*vocabulary), config);
}

Made make_from_tokenizer_json(std::string_view text, TokenizerConfig config) {
  auto parsed = parse_tokenizer_json(text, config);
  if (!parsed) return in_file(std::move(parsed).error(), "tokenizer.json");
  if (parsed->model == TokenizerJson::Model::clip_bpe) {
    EF_TRY_STATUS(expect_class(config, "CLIPTokenizer", "a BPE tokenizer.json"));
    return ClipBpe::make(parsed->vocabulary, parsed->merges, config);
  }
  EF_TRY_STATUS(expect_class(config, "BertTokenizer", "a WordPiece tokenizer.json"));
  return WordPiece::make(std::move(parsed->vocabulary), config);
}

}  // namespace

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view utf8) const {
  EF_TRY(const std::u32string text, decode_utf8(utf8));
  std::vector<int32_t> ids = {traits_.bos_id};
  for (const AddedTokens::Piece& piece : traits_.added.split(text)) {
    if (piece.id) {
      ids.push_back(*piece.id);
    } else {
      append_ids(piece.text, ids);
    }
  }
  ids.push_back(traits_.eos_id);
  return ids;
}

FittedIds Tokenizer::pad_or_truncate(const std::vector<int32_t>& ids, int64_t length) const {
  EF_CHECK(length >= 2 && ids.size() >= 2, "begin and end token must fit");
  FittedIds out{.ids = ids};
  const auto wanted = static_cast<size_t>(length);
  if (ids.size() > wanted) {
    out.cut_tokens = static_cast<int64_t>(ids.size() - wanted);
    out.ids[wanted - 1] = ids.back();
  }
  out.ids.resize(wanted, traits_.pad_id);
  return out;
}

Result<std::unique_ptr<Tokenizer>> parse_tokenizer(const TokenizerFiles& files) {
  EF_TRY(TokenizerConfig config, parse_tokenizer_config(files));
  const auto has = [&](const char* name) { return files.contains(name); };
  if (has("vocab.json") && has("merges.txt")) {
    return make_clip(files.at("vocab.json"), files.at("merges.txt"), config);
  }
  if (has("vocab.txt")) return make_wordpiece(files.at("vocab.txt"), config);
  if (has("tokenizer.json")) {
    return make_from_tokenizer_json(files.at("tokenizer.json"), std::move(config));
  }
  if (has("vocab.json") || has("merges.txt")) {
    return fail(ErrorCode::not_found, std::string(has("vocab.json") ? "merges.txt" : "vocab.json") +
                                          ": no such file, expected beside " +
                                          (has("vocab.json") ? "vocab.json" : "merges.txt"));
  }
  return fail(ErrorCode::not_found,
              "no tokenizer: expected vocab.json and merges.txt, vocab.txt, or tokenizer.json");
}

Result<TokenizerFiles> read_tokenizer_files(const std::filesystem::path& folder) {
  TokenizerFiles files;
  for (const char* name : kFileNames) {
    std::error_code error;
    if (!std::filesystem::exists(folder / name, error)) continue;
    EF_TRY(files[name], read_text_file(folder / name, kMaxFileBytes));
  }
  return files;
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::filesystem::path& folder) {
  EF_TRY(const TokenizerFiles files, read_tokenizer_files(folder));
  auto tokenizer = parse_tokenizer(files);
  if (!tokenizer) return fail(std::move(tokenizer.error().add_context(folder.string())));
  return tokenizer;
}

}  // namespace edgefusion::text
