#include "graph/passes/passes.h"
#include "graph/passes/sole_user.h"

namespace edgefusion::graph {
namespace {

bool doubles(const Graph& graph, const Node& resize) {
  const Shape& in = graph.value(resize.input(0)).shape;
  const Shape& out = graph.value(resize.output).shape;
  return out[1] == 2 * in[1] && out[2] == 2 * in[2];
}

}  // namespace

int fuse_upsample(Graph& graph) {
  const auto uses = graph.uses();
  int changed = 0;
  for (const Node& resize : graph.nodes()) {
    if (resize.op != OpKind::resize_nearest || !doubles(graph, resize)) continue;
    const NodeId user = sole_user(graph, uses, resize.output, OpKind::conv2d);
    if (user == -1) continue;
    Node& conv = graph.node(user);
    auto& attrs = conv.as<Conv2dAttrs>();
    if (conv.input(ConvSlots::x) != resize.output || attrs.stride != 1 || attrs.upsample2x ||
        conv.input(ConvSlots::x2) != kNoValue) {
      continue;
    }
    attrs.upsample2x = true;
    conv.inputs[ConvSlots::x] = resize.input(0);
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
