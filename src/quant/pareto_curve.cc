#include "quant/pareto_curve.h"

#include <algorithm>

#include "core/result.h"

namespace edgefusion::quant {
namespace {

/// A change of one layer that buys less error for more cost.
struct Step {
  size_t layer = 0, option = 0;
  double rate = 0;  // error saved for each unit of cost
};

/// Options of one layer on the lower left hull of (cost, error), by rising cost.
std::vector<size_t> hull_of(const LayerOptions& layer, Quantity cost) {
  const auto x = [&](size_t i) { return layer.options[i].costs[cost]; };
  const auto y = [&](size_t i) { return layer.options[i].costs[Quantity::error]; };
  std::vector<size_t> order(layer.options.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return x(a) != x(b) ? x(a) < x(b) : y(a) < y(b); });
  std::vector<size_t> hull;
  for (const size_t next : order) {
    if (!hull.empty() && y(next) >= y(hull.back())) continue;
    while (hull.size() >= 2) {
      const size_t a = hull[hull.size() - 2], b = hull.back();
      // b is of use if it saves more for its cost than next does from there.
      if ((y(a) - y(b)) * (x(next) - x(b)) > (y(b) - y(next)) * (x(b) - x(a))) break;
      hull.pop_back();
    }
    hull.push_back(next);
  }
  return hull;
}

}  // namespace

std::vector<SchemeChoice> pareto_curve(const std::vector<LayerOptions>& layers, Quantity cost) {
  EF_CHECK(cost != Quantity::error, "a curve of error against something else");
  std::vector<size_t> options;
  std::vector<Step> steps;
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    const std::vector<size_t> hull = hull_of(layers[layer], cost);
    EF_CHECK(!hull.empty(), "a layer has an option");
    options.push_back(hull.front());
    for (size_t i = 1; i < hull.size(); ++i) {
      const Costs& from = layers[layer].options[hull[i - 1]].costs;
      const Costs& to = layers[layer].options[hull[i]].costs;
      const double saved = from[Quantity::error] - to[Quantity::error];
      steps.push_back({layer, hull[i], saved / (to[cost] - from[cost])});
    }
  }
  std::ranges::stable_sort(steps, [](const Step& a, const Step& b) { return a.rate > b.rate; });
  std::vector<SchemeChoice> curve{make_choice(layers, options)};
  for (const Step& step : steps) {
    options[step.layer] = step.option;
    curve.push_back(make_choice(layers, options));
  }
  return curve;
}

}  // namespace edgefusion::quant
