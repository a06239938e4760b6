#include "graph/passes/sole_user.h"

namespace edgefusion::graph {

NodeId sole_user(const Graph& graph, const std::vector<std::vector<NodeId>>& uses, ValueId value,
                 OpKind op) {
  const auto& users = uses[static_cast<size_t>(value)];
  if (users.size() != 1 || graph.is_output(value)) return -1;
  return graph.node(users.front()).op == op ? users.front() : -1;
}

}  // namespace edgefusion::graph
