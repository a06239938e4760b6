#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::engine {

/// Made-up f16 weights for a graph built from shapes alone: for timing, where values do not matter
/// as long as activations stay ordinary. Matrices share one block of random numbers (uniform,
/// standard deviation 0.02), so that a network of any size takes the memory of its largest tensor;
/// norm factors are 1.
class RandomWeights : public TensorSource {
 public:
  explicit RandomWeights(const graph::Graph& graph);

  const ConstTensorView* find(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string origin() const override { return "random weights"; }

 private:
  Tensor values_, ones_;
  std::map<std::string, ConstTensorView, std::less<>> tensors_;
};

}  // namespace edgefusion::engine
