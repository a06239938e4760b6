#include "graph/op_table.h"

#include <algorithm>
#include <array>
#include <limits>

#include "graph/ops/ops.h"

namespace edgefusion::graph {
namespace {

constexpr size_t kOpCount = static_cast<size_t>(OpKind::convert) + 1;

int64_t bytes_of(const Value& value) {
  return value.shape.elements() * static_cast<int64_t>(size_of(value.dtype));
}

int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

// Sources are there already and a reshape moves nothing.
bool costs_nothing(OpKind op) {
  return op == OpKind::input || op == OpKind::weight || op == OpKind::constant ||
         op == OpKind::reshape;
}

}  // namespace

std::span<const OpInfo> op_table() {
  static const std::array<OpInfo, kOpCount> kTable = {input_op(),
                                                      weight_op(),
                                                      constant_op(),
                                                      conv2d_op(),
                                                      linear_op(),
                                                      attention_op(),
                                                      group_norm_op(),
                                                      layer_norm_op(),
                                                      activation_op(),
                                                      geglu_op(),
                                                      add_op(),
                                                      mul_op(),
                                                      affine_op(),
                                                      concat_op(),
                                                      slice_op(),
                                                      reshape_op(),
                                                      resize_nearest_op(),
                                                      embedding_op(),
                                                      timestep_embedding_op(),
                                                      token_mask_op(),
                                                      select_token_op(),
                                                      convert_op()};
  return kTable;
}

const OpInfo& op_info(OpKind kind) { return op_table()[static_cast<size_t>(kind)]; }

std::string op_class(const Graph& graph, const Node& node) {
  if (node.op != OpKind::conv2d) return std::string(op_info(node.op).name);
  const Shape& weight = graph.value(node.input(ConvSlots::weight)).shape;
  return "conv" + std::to_string(weight[2]) + "x" + std::to_string(weight[3]);
}

NodeCost node_cost(const Graph& graph, const Node& node) {
  NodeCost cost;
  if (costs_nothing(node.op)) return cost;
  std::vector<const Value*> inputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : &graph.value(id));
  }
  const Value& output = graph.value(node.output);
  cost.macs = op_info(node.op).macs(node.attrs, inputs, output);
  cost.bytes_written = bytes_of(output);
  if (node.op == OpKind::embedding) {  // reads the rows it copies, not the table
    cost.bytes_read = bytes_of(*inputs[0]) + bytes_of(output);
    return cost;
  }
  std::ranges::sort(inputs);  // a value in several slots is read once
  inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
  for (const Value* input : inputs) {
    if (input != nullptr) cost.bytes_read = saturating_sum(cost.bytes_read, bytes_of(*input));
  }
  return cost;
}

NodeCost graph_cost(const Graph& graph) {
  NodeCost total;
  for (const Node& node : graph.nodes()) {
    const NodeCost cost = node_cost(graph, node);
    total.macs = saturating_sum(total.macs, cost.macs);
    total.bytes_read = saturating_sum(total.bytes_read, cost.bytes_read);
    total.bytes_written = saturating_sum(total.bytes_written, cost.bytes_written);
  }
  return total;
}

}  // namespace edgefusion::graph
