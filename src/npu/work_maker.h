#pragma once

#include <array>
#include <string>
#include <utility>

#include "npu/work.h"

namespace edgefusion::npu {

/// Cuts a graph into ops, node after node; used once.
class WorkMaker {
 public:
  WorkMaker(const graph::Graph& graph, const Device& device, const WorkOptions& options);
  Result<Work> make();

 private:
  using Node = graph::Node;
  using Extent = std::array<int64_t, kAxes>;

  TensorId tensor_of(graph::ValueId value) const {
    return value == graph::kNoValue ? kNoTensor : work_.tensor_of_value[static_cast<size_t>(value)];
  }
  const Extent& extent(TensorId id) const { return work_.tensor(id).extent; }
  const std::string& value_name(const Node& node) const { return graph_.value(node.output).name; }

  TensorId add_tensor(std::string name, const Extent& extent, TensorKind kind, int bits = 16);
  void add_source(const Node& node, TensorKind kind);
  /// Appends an op that makes `name`; of the node's own value if it is the node's last op.
  TensorId add_op(Op op, const Extent& extent, std::string name, bool is_last, int bits = 16);
  Op plain_op(OpKind kind, const Node& node) const;
  void note_users();

  Status add_node(const Node& node);
  Status add_conv2d(const Node& node);
  Status add_linear(const Node& node);
  Status add_matrix(const Node& node, Op op, Extent extent);
  Status add_after(const Node& node, std::vector<Op> after, TensorId made, Extent extent);
  Status add_attention(const Node& node);
  Status add_group_norm(const Node& node);
  Status add_layer_norm(const Node& node);
  Status add_pointwise(const Node& node);
  Status add_two_operands(const Node& node);
  Status add_resize(const Node& node);
  Status add_host_op(const Node& node);
  Status add_view(const Node& node);

  tl::unexpected<Error> cannot(const Node& node, const std::string& why) const;
  Status check_rate(const Node& node, VectorOp op) const;

  const graph::Graph& graph_;
  const Device& device_;
  const WorkOptions& options_;
  Work work_;
  graph::NodeId node_id_ = -1;
};

}  // namespace edgefusion::npu
