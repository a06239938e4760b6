#include "quant/rounding_refinement.h"

#include <algorithm>
#include <deque>

namespace edgefusion::quant {
namespace {

using graph::Scheme;

constexpr int64_t kMostChannels = 1280;  // products of more take long
// Multiplications of rounding with feedback that are worth waiting for.
constexpr double kMostWork = 1e11;

bool can_be_rounded_again(const Layer& layer, const QuantizedLayer& quantized) {
  const bool fits = std::ranges::all_of(layer.input_channels,
                                        [](int64_t channels) { return channels <= kMostChannels; });
  return fits && !quantized.weights.empty() && quantized.settings.hadamard <= 1;
}

/// Each weight is compared with all others of its output and tap.
double work_of(const Layer& layer) {
  const auto most = static_cast<double>(*std::ranges::max_element(layer.input_channels));
  return static_cast<double>(layer.weight_shape.elements()) * most;
}

}  // namespace

std::vector<size_t> layers_to_round_again(SchemeBook& book, const Assignment& assignment,
                                          const Findings& findings) {
  struct Harmful {
    size_t index;
    double harm;
  };
  const LayerList& list = book.list();
  std::vector<Harmful> all;
  for (size_t i = 0; i < list.layers.size(); ++i) {
    const Scheme scheme = assignment.layers[i];
    if (scheme == Scheme::bf16 || scheme == Scheme::f32) continue;
    const QuantizedLayer& quantized = book.layer(i, scheme);
    if (!can_be_rounded_again(list.layers[i], quantized)) continue;
    const double harm = findings.has_sensitivity
                            ? findings.layers[i].at(scheme).deviation.mean_square
                            : quantized.rounding_error;
    all.push_back({i, harm});
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &Harmful::harm);
  std::vector<size_t> layers;
  double work = 0;
  for (const Harmful& one : all) {
    work += work_of(list.layers[one.index]);
    if (work > kMostWork && !layers.empty()) break;
    layers.push_back(one.index);
  }
  return layers;
}

Result<std::vector<size_t>> refine_where_it_helps(std::span<const size_t> layers, double before,
                                                  int most_checks, const RefinementTarget& target) {
  std::vector<size_t> refined;
  std::deque<std::span<const size_t>> groups = {layers};
  for (int checks = 0; !groups.empty() && checks < most_checks; ++checks) {
    const std::span<const size_t> group = groups.front();
    groups.pop_front();
    if (group.empty()) continue;
    target.set(group, true);
    EF_TRY(const double after, target.error());
    if (after < before) {
      before = after;
      refined.insert(refined.end(), group.begin(), group.end());
      continue;
    }
    target.set(group, false);
    if (group.size() == 1) continue;
    groups.push_back(group.first(group.size() / 2));
    groups.push_back(group.subspan(group.size() / 2));
  }
  return refined;
}

}  // namespace edgefusion::quant
