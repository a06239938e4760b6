#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "text/vocabulary.h"

namespace edgefusion::text {

/// Pairs of symbols in order of priority.
using MergeList = std::vector<std::pair<std::string, std::string>>;

/// merges.txt: a `#version` line, then two symbols a line. Errors: bad_file naming the line.
Result<MergeList> parse_merges(std::string_view text);

/// The merge rules of byte-pair encoding, on ids.
class BpeMerges {
 public:
  BpeMerges() = default;
  /// Of a pair given twice the later place counts, as in the reference.
  /// Errors: bad_file naming the merge whose parts or whole are not in the vocabulary.
  static Result<BpeMerges> make(const MergeList& merges, const Vocabulary& vocabulary);

  /// Merges neighbours until no rule fits: always the rule that comes first, leftmost pair first.
  /// n log n in the number of symbols.
  void apply(std::vector<int32_t>& symbols) const;

 private:
  static constexpr int32_t kFree = -1;
  struct Rule {
    uint64_t pair = 0;
    int32_t rank = 0;
    int32_t merged = kFree;
  };

  const Rule* find(int32_t left, int32_t right) const;
  /// The slot of a pair, or the free one where it belongs.
  size_t slot_of(uint64_t pair) const;

  std::vector<Rule> rules_;  // by hash of the pair; a power of two, less than half of them used
};

}  // namespace edgefusion::text
