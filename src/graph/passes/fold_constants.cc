#include <algorithm>
#include <memory>
#include <vector>

#include "graph/op_table.h"
#include "graph/passes/passes.h"

namespace edgefusion::graph {
namespace {

// Keeps a small graph from carrying what is cheaper to compute again.
constexpr size_t kMaxFoldedBytes = size_t{16} << 20;

bool is_foldable(const Graph& graph, const Node& node) {
  const auto is_constant = [&](ValueId id) {
    return id == kNoValue || graph.producer(id).op == OpKind::constant;
  };
  if (node.inputs.empty() || !std::ranges::all_of(node.inputs, is_constant)) return false;
  const Value& output = graph.value(node.output);
  return ConstTensorView{nullptr, output.shape, output.dtype}.bytes() <= kMaxFoldedBytes;
}

std::shared_ptr<const Tensor> fold(const Graph& graph, const Node& node) {
  std::vector<ConstTensorView> operands(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    operands[i] = graph.producer(node.inputs[i]).as<ConstantAttrs>().data->view();
  }
  const Value& output = graph.value(node.output);
  Tensor result(output.shape, output.dtype);
  op_info(node.op).evaluate(node.attrs, operands, result.view());
  return std::make_shared<const Tensor>(std::move(result));
}

}  // namespace

int fold_constants(Graph& graph) {
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    Node& node = graph.node(static_cast<NodeId>(n));
    if (!is_foldable(graph, node)) continue;
    node.attrs = ConstantAttrs{fold(graph, node)};
    node.op = OpKind::constant;
    node.inputs.clear();
    ++changed;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
