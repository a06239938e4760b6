#pragma once

#include <vector>

#include "graph/graph.h"

namespace edgefusion::graph {

/// The node of kind `op` that alone uses the value, in one slot, or -1. Also -1 if the value is an
/// output, since then the caller uses it too. `uses` as Graph::uses() gives it.
NodeId sole_user(const Graph& graph, const std::vector<std::vector<NodeId>>& uses, ValueId value,
                 OpKind op);

}  // namespace edgefusion::graph
