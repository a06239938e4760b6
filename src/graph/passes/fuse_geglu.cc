#include "graph/passes/passes.h"
#include "graph/passes/sole_user.h"

namespace edgefusion::graph {

int fuse_geglu(Graph& graph) {
  const auto uses = graph.uses();
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const auto id = static_cast<NodeId>(n);
    Node& linear = graph.node(id);
    if (linear.op != OpKind::linear || linear.input(LinearSlots::residual) != kNoValue) continue;
    Epilogue& epilogue = linear.as<LinearAttrs>().epilogue;
    if (epilogue.geglu || epilogue.activation != Activation::none) continue;
    const NodeId user = sole_user(graph, uses, linear.output, OpKind::geglu);
    if (user == -1) continue;
    epilogue.geglu = true;
    graph.absorb(id, user);
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
