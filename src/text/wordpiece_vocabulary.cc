#include "text/wordpiece_vocabulary.h"

#include <algorithm>
#include <deque>
#include <map>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "text/unicode.h"
#include "text/wordpiece.h"

namespace edgefusion::text {
namespace {

/// Two neighbouring pieces as one number: the first one's id above the second one's.
using Pair = uint64_t;

Pair pair_of(int32_t first, int32_t second) {
  return (static_cast<Pair>(static_cast<uint32_t>(first)) << 32) | static_cast<uint32_t>(second);
}
int32_t first_of(Pair pair) { return static_cast<int32_t>(pair >> 32); }
int32_t second_of(Pair pair) { return static_cast<int32_t>(pair & 0xffffffffu); }

/// Tokens by id, ids by token.
class Tokens {
 public:
  int32_t add(const std::string& token) {
    const auto [place, is_new] = ids_.emplace(token, static_cast<int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(token);
    return place->second;
  }
  /// -1: none.
  int32_t find(const std::string& token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? -1 : found->second;
  }
  const std::string& operator[](int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  std::vector<std::string> take() const { return {tokens_.begin(), tokens_.end()}; }

 private:
  std::deque<std::string> tokens_;  // their texts stay where they are while it grows
  std::unordered_map<std::string, int32_t> ids_;
};

/// The common characters, each at the beginning of a word and inside of one.
void add_characters(const std::vector<WordCount>& words, const WordPieceLearning& learning,
                    Tokens& tokens) {
  std::map<char32_t, int64_t> counts;
  for (const WordCount& word : words) {
    for (const char32_t c : word.word) counts[c] += word.count;
  }
  std::vector<std::pair<char32_t, int64_t>> characters(counts.begin(), counts.end());
  std::erase_if(characters,
                [&](const auto& entry) { return entry.second < learning.least_character_count; });
  std::ranges::stable_sort(characters, std::ranges::greater(), [](const auto& c) {
    return c.second;  // of equals the smaller code point stays first
  });
  for (const auto& [c, count] : characters) {
    if (tokens.size() + 2 > learning.size / 2) break;
    std::string token;
    append_utf8(c, token);
    tokens.add(token);
    tokens.add(std::string(kContinuing) + token);
  }
}

/// Words as pieces, and all pairs of neighbours with their counts, kept right while pairs become
/// pieces: a merge looks only at the words that have the pair.
class PairMerging {
 public:
  PairMerging(const std::vector<WordCount>& words, Tokens& tokens) : tokens_(tokens) {
    for (const WordCount& word : words) add_word(word);
    for (const auto& [pair, occurrence] : pairs_) queue_.push(candidate(pair));
  }

  /// Makes a token of the commonest pair. False: none is as common as that.
  bool merge_next(int64_t least_count) {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const int64_t count = pairs_.at(best.pair).count;
      if (count != best.count) {  // fewer by now: it takes its new place
        if (count >= least_count) queue_.push(candidate(best.pair));
        continue;
      }
      if (count < least_count) return false;
      merge(best.pair);
      return true;
    }
    return false;
  }

 private:
  struct Word {
    std::vector<int32_t> pieces;
    int64_t count;
  };
  struct Occurrence {
    int64_t count = 0;
    std::vector<uint32_t> words;  // which have, or had, the pair
  };
  struct Candidate {
    int64_t count;
    Pair pair;
    std::string_view first, second;  // the pieces, which decide between equal counts
    bool operator<(const Candidate& other) const {
      if (count != other.count) return count < other.count;
      return std::pair(first, second) > std::pair(other.first, other.second);
    }
  };

  Candidate candidate(Pair pair) const {
    return {pairs_.at(pair).count, pair, tokens_[first_of(pair)], tokens_[second_of(pair)]};
  }

  void add_word(const WordCount& word) {
    Word split{.pieces = {}, .count = word.count};
    for (size_t i = 0; i < word.word.size(); ++i) {
      std::string piece(i == 0 ? std::string_view() : kContinuing);
      append_utf8(word.word[i], piece);
      const int32_t id = tokens_.find(piece);
      if (id < 0) return;  // an unknown character: the word stays unknown
      split.pieces.push_back(id);
    }
    words_.push_back(std::move(split));
    count_pairs(words_.size() - 1, +1, [](Pair) { return true; });
  }

  /// Adds the word's pairs to the counts, or takes them away; notes the word at those that are
  /// `noted`.
  template <typename Noted>
  void count_pairs(size_t index, int64_t sign, const Noted& noted) {
    const Word& word = words_[index];
    for (size_t i = 0; i + 1 < word.pieces.size(); ++i) {
      const Pair pair = pair_of(word.pieces[i], word.pieces[i + 1]);
      Occurrence& occurrence = pairs_[pair];
      occurrence.count += sign * word.count;
      if (sign < 0 || !noted(pair)) continue;
      const auto number = static_cast<uint32_t>(index);
      if (occurrence.words.empty() || occurrence.words.back() != number) {
        occurrence.words.push_back(number);
      }
    }
  }

  void merge(Pair pair) {
    const int32_t first = first_of(pair), second = second_of(pair);
    const int32_t merged = tokens_.add(tokens_[first] + tokens_[second].substr(kContinuing.size()));
    std::vector<Pair> grown;  // only pairs with the new piece can become commoner
    const auto has_merged = [&](Pair other) {
      const bool has = first_of(other) == merged || second_of(other) == merged;
      if (has) grown.push_back(other);
      return has;
    };
    for (const uint32_t index : std::exchange(pairs_.at(pair).words, {})) {
      count_pairs(index, -1, [](Pair) { return false; });
      join(words_[index].pieces, first, second, merged);
      count_pairs(index, +1, has_merged);
    }
    std::ranges::sort(grown);
    grown.erase(std::unique(grown.begin(), grown.end()), grown.end());
    for (const Pair other : grown) queue_.push(candidate(other));
  }

  static void join(std::vector<int32_t>& pieces, int32_t first, int32_t second, int32_t merged) {
    size_t end = 0;
    for (size_t i = 0; i < pieces.size(); ++i, ++end) {
      const bool is_pair = pieces[i] == first && i + 1 < pieces.size() && pieces[i + 1] == second;
      pieces[end] = is_pair ? merged : pieces[i];
      if (is_pair) ++i;
    }
    pieces.resize(end);
  }

  Tokens& tokens_;
  std::vector<Word> words_;
  std::unordered_map<Pair, Occurrence> pairs_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

std::vector<std::string> learn_wordpiece_vocabulary(const std::vector<WordCount>& words,
                                                    const WordPieceLearning& learning) {
  Tokens tokens;
  for (const std::string& token : learning.special_tokens) tokens.add(token);
  add_characters(words, learning, tokens);
  PairMerging merging(words, tokens);
  while (tokens.size() < learning.size && merging.merge_next(learning.least_pair_count)) {
  }
  return tokens.take();
}

}  // namespace edgefusion::text
