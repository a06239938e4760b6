#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
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
  struct Rule {
    int32_t rank;
    int32_t merged;
  };

  const Rule* find(int32_t left, int32_t right) const;

  std::unordered_map<uint64_t, Rule> rules_;
};

}  // namespace edgefusion::text
