#include "text/bert_words.h"

#include <algorithm>
#include <unordered_map>

#include "text/unicode.h"

namespace edgefusion::text {
namespace {

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

}  // namespace

BertNormalization bert_normalization(const TokenizerConfig& config) {
  const bool lower_case = config.do_lower_case.value_or(true);
  return {.cjk_spaces = config.tokenize_chinese_chars.value_or(true),
          .strip_accents = config.strip_accents.value_or(lower_case),
          .lower_case = lower_case};
}

std::u32string normalize_for_bert(std::u32string_view text, const BertNormalization& options) {
  std::u32string out = clean(text, options.cjk_spaces);
  if (options.strip_accents) {
    out = to_nfd(out);
    std::erase_if(out, is_nonspacing_mark);
  }
  return options.lower_case ? to_lower(out) : out;
}

void split_bert_words(std::u32string_view text,
                      const std::function<void(std::u32string_view word)>& take) {
  const auto ends_word = [](char32_t c) { return is_space(c) || is_bert_punctuation(c); };
  while (!text.empty()) {
    const auto end = std::ranges::find_if(text, ends_word);
    const auto length = static_cast<size_t>(end - text.begin());
    if (length > 0) {
      take(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      if (!is_space(text[0])) take(text.substr(0, 1));
      text.remove_prefix(1);
    }
  }
}

Result<std::vector<WordCount>> count_bert_words(const std::vector<std::string>& lines,
                                                const BertNormalization& options) {
  std::unordered_map<std::u32string, int64_t> counts;
  for (const std::string& line : lines) {
    EF_TRY(const std::u32string text, decode_utf8(line));
    split_bert_words(normalize_for_bert(text, options),
                     [&](std::u32string_view word) { ++counts[std::u32string(word)]; });
  }
  std::vector<WordCount> words;
  words.reserve(counts.size());
  for (const auto& [word, count] : counts) words.push_back({word, count});
  std::ranges::sort(words, {}, &WordCount::word);
  return words;
}

}  // namespace edgefusion::text
