#include "text/wordpiece.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "text/unicode.h"

namespace edgefusion::text {
namespace {

constexpr int64_t kDefaultLength = 512;  // positions of BERT
constexpr size_t kMaxWordLength = 100;   // code points; longer words are [UNK]
constexpr std::string_view kContinuing = "##";

const RoleDefaults& role_defaults() {
  static const RoleDefaults kDefaults = {{"unk_token", "[UNK]"},
                                         {"sep_token", "[SEP]"},
                                         {"pad_token", "[PAD]"},
                                         {"cls_token", "[CLS]"},
                                         {"mask_token", "[MASK]"}};
  return kDefaults;
}

struct Normalization {
  bool cjk_spaces;
  bool strip_accents;
  bool lower_case;
};

/// One plain space for each white space, control characters dropped, spaces around ideographs.
std::u32string clean(std::u32string_view text, bool cjk_spaces) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    if (is_bert_control(c)) continue;
    if (is_space(c)) {
      out.push_back(U' ');
    } else if (cjk_spaces && is_cjk_ideograph(c)) {
      out.append({U' ', c, U' '});
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::u32string normalize(std::u32string_view text, const Normalization& options) {
  std::u32string out = clean(text, options.cjk_spaces);
  if (options.strip_accents) {
    out = to_nfd(out);
    std::erase_if(out, is_nonspacing_mark);
  }
  return options.lower_case ? to_lower(out) : out;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> WordPiece::make(Vocabulary vocabulary,
                                                   const TokenizerConfig& config) {
  EF_TRY(const SpecialTokens special, resolve_special_tokens(config, role_defaults(), vocabulary));
  const bool lower_case = config.do_lower_case.value_or(true);
  const Normalization options{.cjk_spaces = config.tokenize_chinese_chars.value_or(true),
                              .strip_accents = config.strip_accents.value_or(lower_case),
                              .lower_case = lower_case};
  const auto normalizer = [options](std::u32string_view text) { return normalize(text, options); };
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
  const auto ends_word = [](char32_t c) { return is_space(c) || is_bert_punctuation(c); };
  while (!text.empty()) {
    const auto end = std::ranges::find_if(text, ends_word);
    const auto length = static_cast<size_t>(end - text.begin());
    if (length > 0) {
      append_word(text.substr(0, length), ids);
      text.remove_prefix(length);
    } else {
      if (!is_space(text[0])) append_word(text.substr(0, 1), ids);
      text.remove_prefix(1);
    }
  }
}

void WordPiece::append_word(std::u32string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > kMaxWordLength) {
    ids.push_back(unk_id_);
    return;
  }
  const size_t ids_before = ids.size();
  while (!word.empty()) {
    std::string piece(ids.size() == ids_before ? std::string_view() : kContinuing);
    std::optional<int32_t> longest;
    size_t longest_length = 0;
    for (size_t length = 1; length <= word.size(); ++length) {
      append_utf8(word[length - 1], piece);
      if (piece.size() > vocabulary_.longest()) break;
      if (const auto id = vocabulary_.find(piece)) {
        longest = id;
        longest_length = length;
      }
    }
    if (!longest) {  // one piece without an id makes the whole word unknown
      ids.resize(ids_before);
      ids.push_back(unk_id_);
      return;
    }
    ids.push_back(*longest);
    word.remove_prefix(longest_length);
  }
}

}  // namespace edgefusion::text
