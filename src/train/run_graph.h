#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/parameters.h"

namespace edgefusion::train {

using NamedTensors = std::map<std::string, at::Tensor, std::less<>>;

/// Runs a graph with libtorch; gradients flow back into inputs and parameters.
/// inputs: by name, in the graph's shapes and layout; i32 ids. taps: further values wanted, by name
/// or alias. Returns the graph's outputs and the taps. An input or a tap that is not there is a
/// bug.
NamedTensors run_graph(const graph::Graph& graph, const Parameters& parameters,
                       const NamedTensors& inputs, const std::vector<std::string>& taps = {});

/// The taps alone, and nothing of the graph behind the last of them.
NamedTensors run_graph_until(const graph::Graph& graph, const Parameters& parameters,
                             const NamedTensors& inputs, const std::vector<std::string>& taps);

}  // namespace edgefusion::train
