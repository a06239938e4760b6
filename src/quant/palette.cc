#include "quant/palette.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/dtype.h"
#include "core/result.h"

namespace edgefusion::quant {
namespace {

/// Values in ascending order, with sums of weights and moments up to each, so that one step of
/// k-means costs as much as the entries.
struct SortedValues {
  std::vector<float> values;
  std::vector<double> weight, moment, square;  // of the values before index i; one more than values

  SortedValues(std::span<const float> unsorted, std::span<const float> importance) {
    std::vector<std::pair<float, float>> pairs;
    pairs.reserve(unsorted.size());
    for (size_t i = 0; i < unsorted.size(); ++i) pairs.emplace_back(unsorted[i], importance[i]);
    std::ranges::sort(pairs);
    weight.push_back(0);
    moment.push_back(0);
    square.push_back(0);
    for (const auto& [value, weigh] : pairs) {
      values.push_back(value);
      weight.push_back(weight.back() + static_cast<double>(weigh));
      const auto x = static_cast<double>(value), w = static_cast<double>(weigh);
      moment.push_back(moment.back() + w * x);
      square.push_back(square.back() + w * x * x);
    }
  }
};

/// Where cells of neighbouring values end: every value its own, or as many cells of equal width as
/// an exact search can take, those without values left out.
std::vector<size_t> cell_ends(const SortedValues& sorted) {
  constexpr size_t kMostCells = 1024;  // 16 for each entry of the largest palette in use
  std::vector<size_t> ends;
  const size_t count = sorted.values.size();
  if (count <= kMostCells) {
    for (size_t i = 1; i <= count; ++i) ends.push_back(i);
    return ends;
  }
  const auto low = static_cast<double>(sorted.values.front());
  const double width = (static_cast<double>(sorted.values.back()) - low) / kMostCells;
  for (size_t i = 1; i < kMostCells; ++i) {
    const double end = low + width * static_cast<double>(i);
    const auto passed = std::ranges::upper_bound(sorted.values, end, std::less(),
                                                 [](float x) { return static_cast<double>(x); }) -
                        sorted.values.begin();
    const auto to = static_cast<size_t>(passed);
    if (to > (ends.empty() ? 0 : ends.back())) ends.push_back(to);
  }
  if (ends.back() < count) ends.push_back(count);
  return ends;
}

/// The best division of cells into clusters of neighbours, one entry more with each round. The last
/// cluster of more cells never begins earlier, so that halves can be searched apart.
/// Source: Gronlund et al. 2017, Fast exact k-means, section 2.3.
class ClusterSearch {
 public:
  explicit ClusterSearch(const SortedValues& sorted) : sorted_(sorted), ends_(cell_ends(sorted)) {}

  std::vector<double> means(int64_t entries) {
    const size_t cells = ends_.size();
    least_.resize(cells + 1);
    for (size_t to = 0; to <= cells; ++to) least_[to] = cost(0, to);
    std::vector<std::vector<uint16_t>> begins;
    for (int64_t e = 1; e < entries; ++e) {
      next_ = least_;
      begin_.assign(cells + 1, 0);
      search(1, cells, 0, cells);
      least_.swap(next_);
      begins.push_back(begin_);
    }
    std::vector<double> result;
    size_t to = cells;
    for (int64_t e = entries - 1; e >= 0; --e) {
      const size_t from = e > 0 ? begins[static_cast<size_t>(e) - 1][to] : 0;
      result.push_back(mean(from, to));
      to = from;
    }
    std::ranges::reverse(result);
    return result;
  }

 private:
  size_t values_before(size_t cell) const { return cell == 0 ? 0 : ends_[cell - 1]; }

  /// Square error of cells [from, to) around their mean.
  double cost(size_t from, size_t to) const {
    const size_t a = values_before(from), b = values_before(to);
    const double weight = sorted_.weight[b] - sorted_.weight[a];
    if (weight <= 0) return 0;
    const double moment = sorted_.moment[b] - sorted_.moment[a];
    return std::max(sorted_.square[b] - sorted_.square[a] - moment * moment / weight, 0.0);
  }

  double mean(size_t from, size_t to) const {
    const size_t a = values_before(from), b = values_before(to);
    const double weight = sorted_.weight[b] - sorted_.weight[a];
    if (weight > 0) return (sorted_.moment[b] - sorted_.moment[a]) / weight;
    return static_cast<double>(sorted_.values[std::min(a, sorted_.values.size() - 1)]);
  }

  /// next_ and begin_ of [low, high], whose last clusters begin within [first, last].
  void search(size_t low, size_t high, size_t first, size_t last) {
    if (low > high) return;
    const size_t to = (low + high) / 2;
    size_t best = first;
    double least = std::numeric_limits<double>::infinity();
    for (size_t from = first; from <= std::min(last, to); ++from) {
      const double error = least_[from] + cost(from, to);
      if (error < least) {
        least = error;
        best = from;
      }
    }
    next_[to] = least;
    begin_[to] = static_cast<uint16_t>(best);
    search(low, to - 1, first, best);
    search(to + 1, high, best, last);
  }

  const SortedValues& sorted_;
  std::vector<size_t> ends_;
  std::vector<double> least_, next_;  // of the first cells, by the entries so far and one more
  std::vector<uint16_t> begin_;
};

/// One step of k-means; false if no entry moved.
bool move_entries(const SortedValues& sorted, std::vector<double>& entries) {
  bool moved = false;
  size_t from = 0;
  for (size_t e = 0; e < entries.size(); ++e) {
    size_t to = sorted.values.size();
    if (e + 1 < entries.size()) {
      const double middle = (entries[e] + entries[e + 1]) / 2;
      const auto begin = sorted.values.begin() + static_cast<std::ptrdiff_t>(from);
      to = static_cast<size_t>(
          std::upper_bound(begin, sorted.values.end(), middle,
                           [](double m, float x) { return m < static_cast<double>(x); }) -
          sorted.values.begin());
    }
    const double weight = sorted.weight[to] - sorted.weight[from];
    if (weight > 0) {
      const double mean = std::clamp((sorted.moment[to] - sorted.moment[from]) / weight,
                                     static_cast<double>(sorted.values[from]),
                                     static_cast<double>(sorted.values[to - 1]));
      moved = moved || mean != entries[e];
      entries[e] = mean;
    }
    from = to;
  }
  return moved;
}

}  // namespace

std::vector<float> make_palette(std::span<const float> values, std::span<const float> importance,
                                int64_t entries) {
  EF_CHECK(!values.empty() && values.size() == importance.size() && entries > 0,
           "values with their weights");
  const SortedValues sorted(values, importance);
  std::vector<double> centres = ClusterSearch(sorted).means(entries);
  constexpr int kMostSteps = 200;  // later ones move entries by less than f16 tells apart
  for (int step = 0; step < kMostSteps && move_entries(sorted, centres); ++step) {
  }
  std::vector<float> palette;
  for (const double centre : centres) palette.push_back(static_cast<float>(centre));
  std::ranges::sort(palette);
  return palette;
}

uint8_t nearest_entry(std::span<const float> palette, float value) {
  const auto above = std::ranges::lower_bound(palette, value) - palette.begin();
  if (above == 0) return 0;
  const auto at = static_cast<size_t>(above);
  if (at == palette.size()) return static_cast<uint8_t>(at - 1);
  return static_cast<uint8_t>(value - palette[at - 1] <= palette[at] - value ? at - 1 : at);
}

PaletteCodes palettize(const WeightMatrix& weights, int bits, int64_t rows_per_palette,
                       std::span<const double> importance) {
  EF_CHECK(bits >= 1 && bits <= 8 && rows_per_palette > 0, "a palette of indices in a byte");
  EF_CHECK(importance.empty() || static_cast<int64_t>(importance.size()) == weights.depth,
           "an importance for each input");
  PaletteCodes result{.outputs = weights.outputs,
                      .depth = weights.depth,
                      .rows_per_palette = rows_per_palette,
                      .bits = bits};
  for (int64_t o = 0; o < weights.outputs; o += rows_per_palette) {
    const int64_t rows = std::min(rows_per_palette, weights.outputs - o);
    const auto values = weights.values.subspan(static_cast<size_t>(o * weights.depth),
                                               static_cast<size_t>(rows * weights.depth));
    std::vector<float> weigh(values.size(), 1.0f);
    for (size_t i = 0; !importance.empty() && i < weigh.size(); ++i) {
      weigh[i] = static_cast<float>(importance[i % importance.size()]);
    }
    std::vector<float> palette = make_palette(values, weigh, result.entries());
    for (float& entry : palette) entry = f16_to_f32(f32_to_f16(entry));
    for (const float x : values) result.indices.push_back(nearest_entry(palette, x));
    result.palettes.insert(result.palettes.end(), palette.begin(), palette.end());
  }
  return result;
}

}  // namespace edgefusion::quant
