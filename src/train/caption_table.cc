#include "train/caption_table.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace edgefusion::train {

CaptionTable::CaptionTable(
    int64_t pictures, const std::function<const std::vector<std::string>&(int64_t)>& captions_of) {
  std::unordered_map<std::string, int64_t> known;
  for (int64_t picture = 0; picture < pictures; ++picture) {
    std::vector<int64_t>& mine = of_picture_.emplace_back();
    for (const std::string& caption : captions_of(picture)) {
      const auto [place, is_new] = known.emplace(caption, static_cast<int64_t>(texts_.size()));
      if (is_new) texts_.push_back(caption);
      if (std::ranges::find(mine, place->second) == mine.end()) mine.push_back(place->second);
    }
  }
}

std::vector<uint8_t> CaptionTable::kinship(std::span<const int64_t> rows,
                                           std::span<const int64_t> columns) const {
  std::unordered_map<int64_t, std::vector<size_t>> columns_with;  // by text
  for (size_t j = 0; j < columns.size(); ++j) {
    for (const int64_t text : of(columns[j])) columns_with[text].push_back(j);
  }
  std::vector<uint8_t> kin(rows.size() * columns.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const int64_t text : of(rows[i])) {
      const auto found = columns_with.find(text);
      if (found == columns_with.end()) continue;
      for (const size_t j : found->second) kin[i * columns.size() + j] = 1;
    }
  }
  return kin;
}

std::vector<int64_t> CaptionTable::unrelated(std::span<const int64_t> pictures,
                                             int64_t most) const {
  std::unordered_set<int64_t> taken;
  std::vector<int64_t> chosen;
  for (const int64_t picture : pictures) {
    if (static_cast<int64_t>(chosen.size()) == most) break;
    const auto texts = of(picture);
    if (std::ranges::any_of(texts, [&](int64_t text) { return taken.contains(text); })) continue;
    taken.insert(texts.begin(), texts.end());
    chosen.push_back(picture);
  }
  return chosen;
}

}  // namespace edgefusion::train
