#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

namespace edgefusion::text {

/// Before all pieces of a word but the first.
constexpr std::string_view kContinuing = "##";

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

  Vocabulary vocabulary_;
  int32_t unk_id_;
};

/// Appends the pieces of a normalised word, or of the rest of one (`continuing`). False, and
/// nothing appended, if a part of it has no piece.
bool append_wordpieces(const Vocabulary& vocabulary, std::u32string_view word, bool continuing,
                       std::vector<int32_t>& ids);

/// The tokens with a role as the settings call them: padding, unknown, begin, end, mask.
std::vector<std::string> wordpiece_special_tokens(const TokenizerConfig& config);

}  // namespace edgefusion::text
