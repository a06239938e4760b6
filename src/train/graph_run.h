#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/run_graph.h"

namespace edgefusion::train {

/// One pass through a graph, node by node.
class GraphRun {
 public:
  /// All three must outlive this; see run_graph.
  GraphRun(const graph::Graph& graph, const Parameters& parameters, const NamedTensors& inputs)
      : graph_(graph), parameters_(parameters), inputs_(inputs), values_(graph.values().size()) {}

  void run_node(const graph::Node& node) { value(node.output) = compute(node); }
  at::Tensor& value(graph::ValueId id) { return values_[static_cast<size_t>(id)]; }

 private:
  at::Tensor compute(const graph::Node& node);
  at::Device device() const;

  const graph::Graph& graph_;
  const Parameters& parameters_;
  const NamedTensors& inputs_;
  std::vector<at::Tensor> values_;
};

/// The graph's outputs and the taps by name. A tap that is not there is a bug.
std::map<std::string, graph::ValueId> wanted_values(const graph::Graph& graph,
                                                    const std::vector<std::string>& taps);

}  // namespace edgefusion::train
