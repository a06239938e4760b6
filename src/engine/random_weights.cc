#include "engine/random_weights.h"

#include <algorithm>

namespace edgefusion::engine {
namespace {

constexpr float kDeviation = 0.02f;

/// A linear congruential generator's high bits: fast, and good enough to keep sums ordinary.
void fill_uniform(std::span<uint16_t> values) {
  constexpr float kRange =
      2.0f * 1.7320508f * kDeviation;  // a uniform of this width has the deviation
  uint64_t state = 0x9e3779b97f4a7c15u;
  for (uint16_t& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const float unit = static_cast<float>(state >> 40) * 0x1p-24f;
    value = f32_to_f16((unit - 0.5f) * kRange);
  }
}

}  // namespace

RandomWeights::RandomWeights(const graph::Graph& graph) {
  int64_t largest = 0, largest_vector = 0;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op != graph::OpKind::weight) continue;
    const Shape& shape = graph.value(node.output).shape;
    const std::string& name = node.as<graph::WeightAttrs>().tensors[0];
    const bool is_norm_factor = shape.rank() == 1 && name.ends_with("weight");
    tensors_[name] = {nullptr, shape, DType::f16};
    int64_t& size = is_norm_factor ? largest_vector : largest;
    size = std::max(size, shape.elements());
  }
  values_ = Tensor(Shape{largest}, DType::f16);
  ones_ = Tensor(Shape{largest_vector}, DType::f16);
  fill_uniform(values_.values<uint16_t>());
  std::ranges::fill(ones_.values<uint16_t>(), f32_to_f16(1.0f));
  for (auto& [name, view] : tensors_) {
    const bool is_norm_factor = view.shape.rank() == 1 && name.ends_with("weight");
    view.data = (is_norm_factor ? ones_ : values_).view().data;
  }
}

const ConstTensorView* RandomWeights::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::vector<std::string> RandomWeights::names() const {
  std::vector<std::string> all;
  for (const auto& entry : tensors_) all.push_back(entry.first);
  return all;
}

}  // namespace edgefusion::engine
