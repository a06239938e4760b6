#pragma once

#include <string_view>

#include "core/result.h"
#include "text/bpe_merges.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

namespace edgefusion::text {

/// The parts of a tokenizer.json (the `tokenizers` library's own format) that we can run.
struct TokenizerJson {
  enum class Model { clip_bpe, wordpiece };
  Model model;
  Vocabulary vocabulary;
  MergeList merges;  ///< of a clip_bpe
};

/// Also completes `config` with what the file says and the other files did not: added tokens, and
/// the options of a BertNormalizer. Errors: bad_file, unsupported (another model, another suffix).
Result<TokenizerJson> parse_tokenizer_json(std::string_view text, TokenizerConfig& config);

}  // namespace edgefusion::text
