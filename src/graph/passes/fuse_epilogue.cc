#include <algorithm>

#include "graph/passes/passes.h"
#include "graph/passes/sole_user.h"

namespace edgefusion::graph {
namespace {

using Uses = std::vector<std::vector<NodeId>>;

// What this pass touches is at the same place in both.
static_assert(int{LinearSlots::residual} == int{ConvSlots::residual});

Epilogue& epilogue_of(Node& node) {
  if (node.op == OpKind::conv2d) return node.as<Conv2dAttrs>().epilogue;
  return node.as<LinearAttrs>().epilogue;
}

bool has_residual(const Node& node) { return node.input(ConvSlots::residual) != kNoValue; }

bool take_activation(Graph& graph, const Uses& uses, NodeId id) {
  Node& node = graph.node(id);
  Epilogue& epilogue = epilogue_of(node);
  if (epilogue.activation != Activation::none || epilogue.geglu) return false;
  const NodeId user = sole_user(graph, uses, node.output, OpKind::activation);
  if (user == -1) return false;
  epilogue.activation = graph.node(user).as<ActivationAttrs>().kind;
  epilogue.activation_after_residual = has_residual(node);
  graph.absorb(id, user);
  return true;
}

// The engine packs weights for the kernels that read them; only activations are added by a kernel.
bool can_be_residual(const Graph& graph, ValueId residual, NodeId before, const Value& sum) {
  const Value& value = graph.value(residual);
  const OpKind op = graph.producer(residual).op;
  return op != OpKind::weight && op != OpKind::constant && value.producer < before &&
         value.shape == sum.shape;
}

bool take_residual(Graph& graph, Uses& uses, NodeId id) {
  Node& node = graph.node(id);
  if (has_residual(node) || epilogue_of(node).geglu) return false;
  const NodeId user = sole_user(graph, uses, node.output, OpKind::add);
  if (user == -1) return false;
  const Node& add = graph.node(user);
  const ValueId residual = add.input(0) == node.output ? add.input(1) : add.input(0);
  if (!can_be_residual(graph, residual, id, graph.value(node.output))) return false;
  node.inputs.resize(std::max<size_t>(node.inputs.size(), ConvSlots::residual + 1), kNoValue);
  node.inputs[ConvSlots::residual] = residual;
  graph.absorb(id, user);
  std::ranges::replace(uses[static_cast<size_t>(residual)], user, id);
  return true;
}

}  // namespace

int fuse_epilogue(Graph& graph) {
  Uses uses = graph.uses();
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const auto id = static_cast<NodeId>(n);
    const Node& node = graph.node(id);
    if (node.output == kNoValue || (node.op != OpKind::conv2d && node.op != OpKind::linear)) {
      continue;
    }
    while (take_activation(graph, uses, id) || take_residual(graph, uses, id)) ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
