#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/bert_words.h"

namespace edgefusion::text {

struct WordPieceLearning {
  std::vector<std::string> special_tokens;  ///< the first ids, in this order
  int64_t size = 8000;                      ///< tokens of the vocabulary, special ones included
  int64_t least_character_count = 10;       ///< a rarer character is unknown, and so its words are
  int64_t least_pair_count = 2;             ///< pieces of rarer words would be learnt by heart
};

/// Learns a vocabulary for WordPiece (Schuster and Nakajima 2012, with the merges of byte pair
/// encoding, Sennrich et al. 2016, as the `tokenizers` library does it): the special tokens, the
/// characters with and without "##", the commonest first, then again and again the commonest pair
/// of neighbouring pieces as one piece. Returns the tokens by id; fewer than asked for if no pair
/// is left. The same words give the same vocabulary. Characters take at most half of it.
std::vector<std::string> learn_wordpiece_vocabulary(const std::vector<WordCount>& words,
                                                    const WordPieceLearning& learning);

}  // namespace edgefusion::text
