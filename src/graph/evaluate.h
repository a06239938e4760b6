#pragma once

#include <map>
#include <string>

#include "core/tensor.h"
#include "graph/graph.h"

namespace edgefusion::graph {

/// Runs a graph with the reference semantics of the op table: slow, plain, sums in double.
/// What every other way of running a graph is tested against.
/// inputs: by input name, shapes and dtypes as declared (checked). Returns outputs by name.
std::map<std::string, Tensor> evaluate(const Graph& graph, const TensorSource* weights,
                                       const std::map<std::string, Tensor>& inputs);

/// The stacked tensors of a weight node as f32, in the node's shape; codes as what they stand for.
Tensor load_weight(const Node& node, const Shape& shape, const TensorSource& weights);

}  // namespace edgefusion::graph
