#pragma once

#include <memory>

#include "core/result.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

namespace edgefusion::text {

/// BERT's WordPiece, as transformers' BertTokenizer: control characters dropped, spaces around CJK
/// ideographs, accents stripped, lower case, punctuation on its own, then for each word the longest
/// pieces of the vocabulary from the left (`##` before all but the first), or [UNK] for the word.
class WordPiece final : public Tokenizer {
 public:
  /// Errors: bad_file (a special token without an id).
  static Result<std::unique_ptr<Tokenizer>> make(Vocabulary vocabulary,
                                                 const TokenizerConfig& config);

 private:
  WordPiece(TokenizerTraits traits, Vocabulary vocabulary, int32_t unk_id)
      : Tokenizer(std::move(traits)), vocabulary_(std::move(vocabulary)), unk_id_(unk_id) {}

  void append_ids(std::u32string_view text, std::vector<int32_t>& ids) const override;
  void append_word(std::u32string_view word, std::vector<int32_t>& ids) const;

  Vocabulary vocabulary_;
  int32_t unk_id_;
};

}  // namespace edgefusion::text
