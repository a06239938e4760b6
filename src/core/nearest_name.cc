#include "core/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace edgefusion {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Damerau-Levenshtein distance with adjacent swaps ("optimal string alignment"): a swap of two
// neighbours is the commonest typing error and counts as one edit.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      current[j] =
          std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> known) {
  constexpr size_t kLongestName = 256;  // the work is quadratic; nobody mistypes a longer one
  std::string_view best;
  if (typed.empty() || typed.size() > kLongestName) return best;
  size_t best_distance = 0;
  for (const std::string_view name : known) {
    const size_t distance = edit_distance(typed, name);
    if (3 * distance > std::max(typed.size(), name.size())) continue;
    if (!best.empty() && distance >= best_distance) continue;
    best = name;
    best_distance = distance;
  }
  return best;
}

std::string unknown_name_message(std::string_view kind, std::string_view typed,
                                 std::span<const std::string_view> known) {
  std::string text = "unknown " + std::string(kind) + " \"" + std::string(typed) + "\"";
  const std::string_view nearest = nearest_name(typed, known);
  text += nearest.empty() ? "." : ", did you mean \"" + std::string(nearest) + "\"?";
  text += " Known: ";
  for (size_t i = 0; i < known.size(); ++i) {
    if (i > 0) text += ", ";
    text += known[i];
  }
  return text;
}

}  // namespace edgefusion
