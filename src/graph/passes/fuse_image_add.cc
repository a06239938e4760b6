#include "graph/passes/passes.h"
#include "graph/passes/sole_user.h"

namespace edgefusion::graph {
namespace {

bool is_plain(const Node& conv) {
  return conv.as<Conv2dAttrs>().epilogue.activation == Activation::none &&
         conv.input(ConvSlots::residual) == kNoValue &&
         conv.input(ConvSlots::image_add) == kNoValue;
}

/// One value for each image and channel, ready before the convolution.
bool is_image_vector(const Graph& graph, ValueId id, NodeId before, const Shape& pictures) {
  const Value& value = graph.value(id);
  const OpKind op = graph.producer(id).op;
  return op != OpKind::weight && op != OpKind::constant && value.producer < before &&
         value.shape == Shape{pictures[0], pictures[-1]};
}

}  // namespace

int fuse_image_add(Graph& graph) {
  const auto uses = graph.uses();
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const auto id = static_cast<NodeId>(n);
    Node& conv = graph.node(id);
    if (conv.op != OpKind::conv2d || !is_plain(conv)) continue;
    const NodeId user = sole_user(graph, uses, conv.output, OpKind::add);
    if (user == -1) continue;
    const Node& add = graph.node(user);
    const ValueId other = add.input(0) == conv.output ? add.input(1) : add.input(0);
    if (!is_image_vector(graph, other, id, graph.value(conv.output).shape)) continue;
    conv.inputs.resize(ConvSlots::count, kNoValue);
    conv.inputs[ConvSlots::image_add] = other;
    graph.absorb(id, user);
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
