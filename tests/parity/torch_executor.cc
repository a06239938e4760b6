#include "executor.h"
#include "train/run_graph.h"
#include "train/tensors.h"

namespace edgefusion::parity {

std::string executor_name() { return "torch"; }

Result<std::map<std::string, Tensor>> execute(graph::Graph graph, const TensorSource& weights,
                                              const std::map<std::string, Tensor>& inputs,
                                              const std::vector<std::string>& taps) {
  train::NamedTensors given;
  for (const auto& [name, tensor] : inputs) given[name] = train::to_torch(tensor.view());
  const auto parameters = train::Parameters::load(graph, weights);
  std::map<std::string, Tensor> results;
  for (const auto& [name, tensor] : train::run_graph(graph, parameters, given, taps)) {
    results[graph.value(graph.find(name)).name] = train::to_tensor(tensor);
  }
  return results;
}

}  // namespace edgefusion::parity
