#include "graph/passes/passes.h"
#include "graph/passes/sole_user.h"

namespace edgefusion::graph {

int fuse_norm_activation(Graph& graph) {
  const auto uses = graph.uses();
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const auto id = static_cast<NodeId>(n);
    Node& norm = graph.node(id);
    if (norm.op != OpKind::group_norm) continue;
    if (norm.as<GroupNormAttrs>().activation != Activation::none) continue;
    const NodeId user = sole_user(graph, uses, norm.output, OpKind::activation);
    if (user == -1) continue;
    norm.as<GroupNormAttrs>().activation = graph.node(user).as<ActivationAttrs>().kind;
    graph.absorb(id, user);
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
