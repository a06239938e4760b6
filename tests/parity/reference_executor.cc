#include "executor.h"
#include "graph/evaluate.h"

namespace edgefusion::parity {

std::string executor_name() { return "reference"; }

Result<std::map<std::string, Tensor>> execute(graph::Graph graph, const TensorSource& weights,
                                              const std::map<std::string, Tensor>& inputs,
                                              const std::vector<std::string>& taps) {
  for (const std::string& tap : taps) {
    const graph::ValueId value = graph.find(tap);
    if (!graph.is_output(value)) graph.add_output(value);
  }
  return graph::evaluate(graph, &weights, inputs);
}

}  // namespace edgefusion::parity
