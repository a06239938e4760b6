#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

bool is_identity(const Graph& graph, const Node& node) {
  if (node.op == OpKind::affine) {
    const auto& attrs = node.as<AffineAttrs>();
    return attrs.scale == 1.0f && attrs.shift == 0.0f;
  }
  const bool moves = node.op == OpKind::reshape || node.op == OpKind::slice;
  return moves && graph.value(node.output).shape == graph.value(node.input(0)).shape;
}

bool merge_reshapes(Graph& graph, Node& node) {
  if (node.op != OpKind::reshape) return false;
  const Node& before = graph.producer(node.input(0));
  if (before.op != OpKind::reshape) return false;
  node.inputs[0] = before.input(0);
  return true;
}

}  // namespace

int remove_identities(Graph& graph) {
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    Node& node = graph.node(static_cast<NodeId>(n));
    if (merge_reshapes(graph, node)) ++changed;
    if (!is_identity(graph, node) || graph.is_output(node.output)) continue;
    graph.replace_uses(node.output, node.input(0));
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
