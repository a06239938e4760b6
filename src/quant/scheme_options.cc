#include "quant/scheme_options.h"

#include <utility>

#include "core/result.h"

namespace edgefusion::quant {

SchemeChoice make_choice(const std::vector<LayerOptions>& layers, std::vector<size_t> options) {
  EF_CHECK(options.size() == layers.size(), "an option for each layer");
  SchemeChoice choice{.options = std::move(options)};
  for (size_t i = 0; i < layers.size(); ++i) {
    const Costs& costs = layers[i].options.at(choice.options[i]).costs;
    for (size_t q = 0; q < kQuantities; ++q) choice.totals.of[q] += costs.of[q];
  }
  return choice;
}

}  // namespace edgefusion::quant
