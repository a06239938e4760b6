#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "text/tokenizer_config.h"

namespace edgefusion::text {

/// What BERT's tokenizer does to a text before it looks for words.
struct BertNormalization {
  bool cjk_spaces = true;
  bool strip_accents = true;
  bool lower_case = true;
};

/// What the settings say; unsaid: all of it.
BertNormalization bert_normalization(const TokenizerConfig& config);

/// Control characters dropped, one plain space for each white space, then the rest as asked.
std::u32string normalize_for_bert(std::u32string_view text, const BertNormalization& options);

/// Gives every word of a normalised text to `take`: what lies between white space, a punctuation
/// mark on its own.
void split_bert_words(std::u32string_view normalized,
                      const std::function<void(std::u32string_view word)>& take);

struct WordCount {
  std::u32string word;
  int64_t count = 0;
};

/// The words of all lines and how often each is there, in the order of words. Errors:
/// invalid_argument, for a line that is no UTF-8.
Result<std::vector<WordCount>> count_bert_words(const std::vector<std::string>& lines,
                                                const BertNormalization& options);

}  // namespace edgefusion::text
