#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "text/added_tokens.h"

namespace edgefusion::text {

/// Ids brought to a fixed length.
struct FittedIds {
  std::vector<int32_t> ids;
  int64_t cut_tokens = 0;  ///< how many of the text's tokens did not fit
};

/// What every tokenizer of this module is made of, besides its algorithm.
struct TokenizerTraits {
  int32_t bos_id = 0;  ///< begins every text (BERT: [CLS])
  int32_t eos_id = 0;  ///< ends every text (BERT: [SEP])
  int32_t pad_id = 0;
  int32_t vocab_size = 0;        ///< largest id + 1: the rows the embedding table must have
  int64_t model_max_length = 0;  ///< tokens the text encoder takes, bos and eos included
  AddedTokens added;
};

/// Text to ids, the same as transformers' tokenizer of the same files. Immutable: safe to share
/// between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// bos, the text's ids, eos; neither padded nor cut. Special tokens written in the text become
  /// their ids, as transformers does. Errors: invalid_argument naming the byte offset where the
  /// text stops being UTF-8.
  Result<std::vector<int32_t>> encode(std::string_view utf8) const;

  /// Cuts what encode() gave to bos + first (length - 2) + eos, or pads it with the pad id.
  /// length >= 2, ids with bos and eos (checked).
  FittedIds pad_or_truncate(const std::vector<int32_t>& ids, int64_t length) const;

  int32_t bos_id() const { return traits_.bos_id; }
  int32_t eos_id() const { return traits_.eos_id; }
  int32_t pad_id() const { return traits_.pad_id; }
  int32_t vocab_size() const { return traits_.vocab_size; }
  int64_t model_max_length() const { return traits_.model_max_length; }

 protected:
  explicit Tokenizer(TokenizerTraits traits) : traits_(std::move(traits)) {}

 private:
  /// Appends the ids of normalised text that holds no special token.
  virtual void append_ids(std::u32string_view text, std::vector<int32_t>& ids) const = 0;

  TokenizerTraits traits_;
};

/// The files of a tokenizer folder: name ("vocab.json") -> contents.
using TokenizerFiles = std::map<std::string, std::string, std::less<>>;

/// Those of a folder, as far as they are there. Errors: bad_file (larger than 64 MB), io.
Result<TokenizerFiles> read_tokenizer_files(const std::filesystem::path& folder);

/// Decides by the files present: vocab.json + merges.txt (CLIP BPE), vocab.txt (WordPiece), or
/// tokenizer.json with a model of either kind. tokenizer_config.json, special_tokens_map.json and
/// added_tokens.json are used where present; `tokenizer_class` must fit.
/// Errors: not_found (no vocabulary), bad_file (contents), unsupported (other tokenizers).
Result<std::unique_ptr<Tokenizer>> parse_tokenizer(const TokenizerFiles& files);

/// The same from a folder; no file may be larger than 64 MB. Errors name the folder too.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::filesystem::path& folder);

}  // namespace edgefusion::text
