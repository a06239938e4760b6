#pragma once

#include <array>
#include <memory>

#include "core/result.h"
#include "text/bpe_merges.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocabulary.h"

namespace edgefusion::text {

/// CLIP's byte-level byte-pair encoding, as transformers' CLIPTokenizer: NFC, one space for a run
/// of white space, lower case, words by a fixed pattern, then merges of bytes; the last byte of a
/// word carries `</w>`. (OpenAI's own code also repairs mojibake and HTML first; transformers and
/// diffusers do not.)
class ClipBpe final : public Tokenizer {
 public:
  /// Errors: bad_file (a merge of unknown symbols, a special token without an id).
  static Result<std::unique_ptr<Tokenizer>> make(const Vocabulary& vocabulary,
                                                 const MergeList& merges,
                                                 const TokenizerConfig& config);

 private:
  struct ByteIds {
    std::array<int32_t, 256> inside;  ///< of a word
    std::array<int32_t, 256> last;    ///< of a word
  };

  ClipBpe(TokenizerTraits traits, ByteIds bytes, BpeMerges merges)
      : Tokenizer(std::move(traits)), bytes_(bytes), merges_(std::move(merges)) {}

  /// A byte without a token of its own counts as the unknown token, as in the reference.
  static ByteIds find_bytes(const Vocabulary& vocabulary, int32_t unk_id);
  void append_ids(std::u32string_view text, std::vector<int32_t>& ids) const override;
  void append_word(std::u32string_view word, std::vector<int32_t>& ids) const;

  ByteIds bytes_;
  BpeMerges merges_;
};

}  // namespace edgefusion::text
