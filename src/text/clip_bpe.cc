#include "text/clip_bpe.h"

#include <algorithm>
#include <string_view>

#include "text/unicode.h"

namespace edgefusion::text {
namespace {

constexpr int64_t kDefaultLength = 77;  // positions of every published CLIP text encoder
constexpr std::u32string_view kContractions[] = {U"'s", U"'t",  U"'re", U"'ve",
                                                 U"'m", U"'ll", U"'d"};
// The pattern has these two as words of their own; the byte-level step then cuts them in three.
constexpr std::u32string_view kWrittenSpecials[] = {U"<|startoftext|>", U"<|endoftext|>"};

const RoleDefaults& role_defaults() {
  static const RoleDefaults kDefaults = {{"bos_token", "<|startoftext|>"},
                                         {"eos_token", "<|endoftext|>"},
                                         {"unk_token", "<|endoftext|>"},
                                         {"pad_token", "<|endoftext|>"}};
  return kDefaults;
}

/// The character that stands for a byte in the vocabulary: printable ones for themselves, the
/// others for U+0100 and on, in order (GPT-2's byte-level alphabet).
char32_t byte_character(int byte) {
  const auto printable = [](int b) {
    return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
  };
  if (printable(byte)) return static_cast<char32_t>(byte);
  char32_t c = 0x100;
  for (int b = 0; b < byte; ++b) c += printable(b) ? 0 : 1;
  return c;
}

/// NFC, one space for each run of white space, lower case.
std::u32string normalize(std::u32string_view text) {
  const std::u32string composed = to_nfc(text);
  std::u32string spaced;
  spaced.reserve(composed.size());
  for (size_t i = 0; i < composed.size(); ++i) {
    if (!is_space(composed[i])) {
      spaced.push_back(composed[i]);
    } else if (i == 0 || !is_space(composed[i - 1])) {
      spaced.push_back(U' ');
    }
  }
  return to_lower(spaced);
}

bool is_symbol(char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c); }

template <typename Predicate>
size_t run_length(std::u32string_view text, Predicate predicate) {
  return static_cast<size_t>(std::ranges::find_if_not(text, predicate) - text.begin());
}

/// Length of the word `text` begins with, 0 at white space. The alternatives of
/// <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
/// in their order; the two special tokens are cut as the byte-level step cuts them.
size_t word_length(std::u32string_view text) {
  for (const std::u32string_view contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  if (is_letter(text[0])) return run_length(text, is_letter);
  if (is_number(text[0])) return 1;
  return run_length(text, is_symbol);
}

}  // namespace

ClipBpe::ByteIds ClipBpe::find_bytes(const Vocabulary& vocabulary, int32_t unk_id) {
  ByteIds ids{};
  for (int byte = 0; byte < 256; ++byte) {
    std::string symbol;
    append_utf8(byte_character(byte), symbol);
    ids.inside[static_cast<size_t>(byte)] = vocabulary.find(symbol).value_or(unk_id);
    ids.last[static_cast<size_t>(byte)] = vocabulary.find(symbol + "</w>").value_or(unk_id);
  }
  return ids;
}

Result<std::unique_ptr<Tokenizer>> ClipBpe::make(const Vocabulary& vocabulary,
                                                 const MergeList& merges,
                                                 const TokenizerConfig& config) {
  EF_TRY(BpeMerges rules, BpeMerges::make(merges, vocabulary));
  EF_TRY(const SpecialTokens special, resolve_special_tokens(config, role_defaults(), vocabulary));
  const ByteIds bytes = find_bytes(vocabulary, special.role_ids.at("unk_token"));
  TokenizerTraits traits{.bos_id = special.role_ids.at("bos_token"),
                         .eos_id = special.role_ids.at("eos_token"),
                         .pad_id = special.role_ids.at("pad_token"),
                         .vocab_size = special.vocab_size,
                         .model_max_length = config.model_max_length.value_or(kDefaultLength),
                         .added = AddedTokens(special.tokens, normalize)};
  return std::unique_ptr<Tokenizer>(new ClipBpe(std::move(traits), bytes, std::move(rules)));
}

void ClipBpe::append_ids(std::u32string_view text, std::vector<int32_t>& ids) const {
  while (!text.empty()) {
    if (is_space(text[0])) {
      text.remove_prefix(1);
      continue;
    }
    const auto special = std::ranges::find_if(
        kWrittenSpecials, [&](std::u32string_view written) { return text.starts_with(written); });
    if (special != std::end(kWrittenSpecials)) {
      append_word(special->substr(0, 2), ids);                    // <|
      append_word(special->substr(2, special->size() - 4), ids);  // the name
      append_word(special->substr(special->size() - 2), ids);     // |>
      text.remove_prefix(special->size());
      continue;
    }
    const size_t length = word_length(text);
    append_word(text.substr(0, length), ids);
    text.remove_prefix(length);
  }
}

void ClipBpe::append_word(std::u32string_view word, std::vector<int32_t>& ids) const {
  const std::string bytes = to_utf8(word);
  std::vector<int32_t> symbols;
  symbols.reserve(bytes.size());
  for (const char byte : bytes) symbols.push_back(bytes_.inside[static_cast<uint8_t>(byte)]);
  symbols.back() = bytes_.last[static_cast<uint8_t>(bytes.back())];
  merges_.apply(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace edgefusion::text
