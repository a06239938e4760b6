#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/graph.h"

namespace edgefusion::onnx {

/// Nodes of a network that become one model, named by the values they make.
struct NodeGroup {
  std::string name;
  std::vector<std::string> nodes;
};

/// One graph for each group, in the order of the groups, which is the order to run them in. Inputs
/// and outputs of each are the values that cross its border, in the order of the network and under
/// their names; weights and constants go to every group that reads them. A reshape that no group
/// names goes with what it reshapes. Errors, all invalid_argument: a name the network does not
/// have, a node in two groups or in none, a group without nodes or with the name of another, a
/// group that reads what a later one makes.
Result<std::vector<graph::Graph>> split_into_groups(const graph::Graph& graph,
                                                    std::span<const NodeGroup> groups);

}  // namespace edgefusion::onnx
