#include "engine/write_u8.h"

#include <algorithm>

#include "engine/lower_int8_matrix.h"
#include "engine/matrix_shapes.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::OpKind;
using graph::ValueId;

bool is_matrix_op(OpKind op) { return op == OpKind::conv2d || op == OpKind::linear; }

bool writes_u8(const Node& node) {
  switch (node.op) {
    case OpKind::group_norm:
    case OpKind::layer_norm:
      return true;
    case OpKind::conv2d:
    case OpKind::linear:
      return has_int8_activations(node);
    case OpKind::attention:
      return node.as<graph::AttentionAttrs>().scheme != graph::AttentionScheme::bf16;
    default:
      return false;
  }
}

bool quantizes_its_rows(const Graph& graph, const Node& user) {
  return is_matrix_op(user.op) && quantizes_rows(graph, user);
}

/// Both sources of a layer have one type.
bool has_second_source(const Node& user) {
  return user.op == OpKind::conv2d && user.input(graph::ConvSlots::x2) != graph::kNoValue;
}

}  // namespace

void write_u8_at_once(Graph& graph) {
  const auto uses = graph.uses();
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    const Node& convert = graph.node(id);
    if (convert.op != OpKind::convert || graph.value(convert.output).dtype != DType::u8) continue;
    const ValueId floats = convert.inputs[0], bytes = convert.output;
    const NodeId maker = graph.value(floats).producer;
    const auto& users = uses[static_cast<size_t>(bytes)];
    const bool has_one_source = std::ranges::none_of(
        users, [&](NodeId user) { return has_second_source(graph.node(user)); });
    const bool is_sole_user =
        uses[static_cast<size_t>(floats)].size() == 1 && !graph.is_output(floats) && has_one_source;
    if (is_sole_user && writes_u8(graph.node(maker))) {
      graph.absorb(maker, id);
    } else if (std::ranges::all_of(users, [&](NodeId user) {
                 return quantizes_its_rows(graph, graph.node(user));
               })) {
      graph.replace_uses(bytes, floats);
    }
  }
  graph.eliminate_dead_nodes();
}

}  // namespace edgefusion::engine
