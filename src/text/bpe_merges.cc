#include "text/bpe_merges.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

#include "text/json_text.h"

namespace edgefusion::text {
namespace {

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

/// A symbol of the word being merged; neighbours by index, -1 at the ends.
struct Symbol {
  int32_t id;
  int64_t previous;
  int64_t next;
};

/// A pair that could be merged when it was seen.
struct Candidate {
  int32_t rank;
  int64_t position;
  int32_t merged;
  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

constexpr int32_t kGone = -1;  // id of a symbol that was merged into its left neighbour

}  // namespace

Result<MergeList> parse_merges(std::string_view text) {
  MergeList merges;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const size_t space = line.find(' ');
    const bool two_symbols = space != std::string_view::npos && space > 0 &&
                             space + 1 < line.size() &&
                             line.find(' ', space + 1) == std::string_view::npos;
    if (!two_symbols) {
      return fail(ErrorCode::bad_file, "line " + std::to_string(line_number) +
                                           ": expected two symbols with one space between them");
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

Result<BpeMerges> BpeMerges::make(const MergeList& merges, const Vocabulary& vocabulary) {
  BpeMerges out;
  out.rules_.resize(std::bit_ceil(2 * merges.size() + 1));
  std::string whole;
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto& [left, right] = merges[i];
    const auto left_id = vocabulary.find(left);
    const auto right_id = vocabulary.find(right);
    whole.assign(left).append(right);
    const auto merged = vocabulary.find(whole);
    if (!left_id || !right_id || !merged) {
      const std::string& missing = !left_id ? left : !right_id ? right : whole;
      return fail(ErrorCode::bad_file, "merges: rule " + std::to_string(i + 1) + ": symbol " +
                                           in_quotes(missing) + " is not in the vocabulary");
    }
    Rule& rule = out.rules_[out.slot_of(pair_key(*left_id, *right_id))];
    rule = {pair_key(*left_id, *right_id), static_cast<int32_t>(i), *merged};
  }
  return out;
}

size_t BpeMerges::slot_of(uint64_t pair) const {
  constexpr uint64_t kSpread = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio: neighbours fall apart
  const size_t mask = rules_.size() - 1;
  size_t slot = static_cast<size_t>(pair * kSpread >> 32) & mask;
  while (rules_[slot].merged != kFree && rules_[slot].pair != pair) slot = (slot + 1) & mask;
  return slot;
}

const BpeMerges::Rule* BpeMerges::find(int32_t left, int32_t right) const {
  if (rules_.empty()) return nullptr;
  const Rule& rule = rules_[slot_of(pair_key(left, right))];
  return rule.merged == kFree ? nullptr : &rule;
}

void BpeMerges::apply(std::vector<int32_t>& ids) const {
  const auto count = static_cast<int64_t>(ids.size());
  std::vector<Symbol> symbols(ids.size());
  std::vector<Candidate> found;
  const auto consider = [&](int64_t left, auto&& push) {
    if (left < 0 || symbols[left].next < 0) return;
    const Rule* rule = find(symbols[left].id, symbols[symbols[left].next].id);
    if (rule) push(Candidate{rule->rank, left, rule->merged});
  };
  for (int64_t i = 0; i < count; ++i) symbols[i] = {ids[i], i - 1, i + 1 < count ? i + 1 : -1};
  for (int64_t i = 0; i < count; ++i) consider(i, [&](Candidate c) { found.push_back(c); });
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue(std::greater<>(),
                                                                               std::move(found));
  const auto enqueue = [&](Candidate c) { queue.push(c); };
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.position];
    if (left.id == kGone || left.next < 0) continue;
    Symbol& right = symbols[left.next];
    const Rule* rule = find(left.id, right.id);
    if (!rule || rule->merged != best.merged) continue;  // the pair has changed since
    left.id = best.merged;
    right.id = kGone;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.position;
    consider(left.previous, enqueue);
    consider(best.position, enqueue);
  }
  ids.clear();
  for (const Symbol& symbol : symbols) {
    if (symbol.id != kGone) ids.push_back(symbol.id);
  }
}

}  // namespace edgefusion::text
