#include "text/wordpiece.h"

#include <optional>
#include <utility>

#include "text/bert_words.h"
#include "text/unicode.h"

namespace edgefusion::text {
namespace {

constexpr int64_t kDefaultLength = 512;  // positions of BERT
constexpr size_t kMaxWordLength = 100;   // code points; longer words are [UNK]

const RoleDefaults& role_defaults() {
  static const RoleDefaults kDefaults = {{"unk_token", "[UNK]"},
                                         {"sep_token", "[SEP]"},
                                         {"pad_token", "[PAD]"},
                                         {"cls_token", "[CLS]"},
                                         {"mask_token", "[MASK]"}};
  return kDefaults;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> WordPiece::make(Vocabulary vocabulary,
                                                   const TokenizerConfig& config) {
  EF_TRY(const SpecialTokens special, resolve_special_tokens(config, role_defaults(), vocabulary));
  const auto normalizer = [options = bert_normalization(config)](std::u32string_view text) {
    return normalize_for_bert(text, options);
  };
  TokenizerTraits traits{.bos_id = special.role_ids.at("cls_token"),
                         .eos_id = special.role_ids.at("sep_token"),
                         .pad_id = special.role_ids.at("pad_token"),
                         .vocab_size = special.vocab_size,
                         .model_max_length = config.model_max_length.value_or(kDefaultLength),
                         .added = AddedTokens(special.tokens, normalizer)};
  return std::unique_ptr<Tokenizer>(
      new WordPiece(std::move(traits), std::move(vocabulary), special.role_ids.at("unk_token")));
}

void WordPiece::append_ids(std::u32string_view text, std::vector<int32_t>& ids) const {
  split_bert_words(text, [&](std::u32string_view word) {
    const bool has_pieces =
        word.size() <= kMaxWordLength && append_wordpieces(vocabulary_, word, false, ids);
    if (!has_pieces) ids.push_back(unk_id_);
  });
}

bool append_wordpieces(const Vocabulary& vocabulary, std::u32string_view word, bool continuing,
                       std::vector<int32_t>& ids) {
  const size_t ids_before = ids.size();
  while (!word.empty()) {
    const bool is_first = ids.size() == ids_before && !continuing;
    std::string piece(is_first ? std::string_view() : kContinuing);
    std::optional<int32_t> longest;
    size_t longest_length = 0;
    for (size_t length = 1; length <= word.size(); ++length) {
      append_utf8(word[length - 1], piece);
      if (piece.size() > vocabulary.longest()) break;
      if (const auto id = vocabulary.find(piece)) {
        longest = id;
        longest_length = length;
      }
    }
    if (!longest) {  // one part without an id makes the whole word unknown
      ids.resize(ids_before);
      return false;
    }
    ids.push_back(*longest);
    word.remove_prefix(longest_length);
  }
  return true;
}

std::vector<std::string> wordpiece_special_tokens(const TokenizerConfig& config) {
  std::vector<std::string> tokens;
  for (const char* role : {"pad_token", "unk_token", "cls_token", "sep_token", "mask_token"}) {
    const auto own = config.roles.find(role);
    tokens.push_back(own == config.roles.end() ? role_defaults().at(role) : own->second.content);
  }
  return tokens;
}

}  // namespace edgefusion::text
