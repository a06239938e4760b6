#include <algorithm>

#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

// The slot of a second source.
size_t second_source(const Node& node) {
  return node.op == OpKind::conv2d ? size_t{ConvSlots::x2} : size_t{NormSlots::x2};
}

bool is_small_convolution(const Graph& graph, const Node& node) {
  if (node.op != OpKind::conv2d || node.as<Conv2dAttrs>().upsample2x) return false;
  const Shape& weight = graph.value(node.input(ConvSlots::weight)).shape;
  return weight[2] == weight[3] && (weight[2] == 1 || weight[2] == 3);
}

// Whether the node uses the joined value as its x alone, and can take it as two sources.
bool can_take_two_sources(const Graph& graph, const Node& node, ValueId joined) {
  static_assert(int{ConvSlots::x} == int{NormSlots::x});
  if (node.op != OpKind::group_norm && !is_small_convolution(graph, node)) return false;
  return node.input(ConvSlots::x) == joined && std::ranges::count(node.inputs, joined) == 1 &&
         node.input(second_source(node)) == kNoValue;
}

// Two values that are there at run time as they are; weights are packed for the kernels they serve.
bool joins_two_activations(const Graph& graph, const Node& node) {
  if (node.op != OpKind::concat || node.inputs.size() != 2) return false;
  return std::ranges::none_of(node.inputs, [&](ValueId part) {
    const OpKind op = graph.producer(part).op;
    return op == OpKind::weight || op == OpKind::constant;
  });
}

}  // namespace

int fuse_concat(Graph& graph) {
  const auto uses = graph.uses();
  int changed = 0;
  for (const Node& concat : graph.nodes()) {
    if (!joins_two_activations(graph, concat) || graph.is_output(concat.output)) continue;
    const auto& users = uses[static_cast<size_t>(concat.output)];
    const bool all_can = !users.empty() && std::ranges::all_of(users, [&](NodeId user) {
      return can_take_two_sources(graph, graph.node(user), concat.output);
    });
    if (!all_can) continue;
    for (const NodeId user : users) {
      Node& node = graph.node(user);
      const size_t slot = second_source(node);
      node.inputs.resize(std::max(node.inputs.size(), slot + 1), kNoValue);
      node.inputs[ConvSlots::x] = concat.input(0);
      node.inputs[slot] = concat.input(1);
    }
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
