#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::parity {

/// Name of the way this program runs graphs: "reference", "engine" or "torch".
std::string executor_name();

/// Runs a graph on the inputs it declares (by name, channels last). Returns its outputs by name and
/// the taps by value name. Linked in once per test program.
Result<std::map<std::string, Tensor>> execute(graph::Graph graph, const TensorSource& weights,
                                              const std::map<std::string, Tensor>& inputs,
                                              const std::vector<std::string>& taps);

}  // namespace edgefusion::parity
