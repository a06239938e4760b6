#include "npu/work.h"

#include <algorithm>

#include "graph/op_table.h"
#include "npu/layer_arithmetic.h"
#include "npu/work_maker.h"

namespace edgefusion::npu {
namespace {

using graph::Node;
using GraphOp = graph::OpKind;
using Extent = std::array<int64_t, kAxes>;

/// Tensors of more than one axis of places that nobody has told a grid of.
Extent extent_of(const Shape& shape, bool is_weight) {
  switch (shape.rank()) {
    case 0:
      return {1, 1, 1, 1};
    case 1:
      return {1, 1, 1, shape[0]};
    case 2:
      return is_weight ? Extent{1, shape[0], 1, shape[1]} : Extent{shape[0], 1, 1, shape[1]};
    case 3:
      return {shape[0], shape[1], 1, shape[2]};
    default:
      return is_weight ? Extent{1, shape[0], 1, shape[1] * shape[2] * shape[3]}
                       : Extent{shape[0], shape[1], shape[2], shape[3]};
  }
}

}  // namespace

WorkMaker::WorkMaker(const graph::Graph& graph, const Device& device, const WorkOptions& options)
    : graph_(graph), device_(device), options_(options) {
  work_.name = graph.name();
  work_.graph = &graph;
  work_.tensor_of_value.assign(graph.values().size(), kNoTensor);
}

Result<Work> WorkMaker::make() {
  for (graph::NodeId id = 0; id < static_cast<graph::NodeId>(graph_.nodes().size()); ++id) {
    node_id_ = id;
    EF_TRY_STATUS(add_node(graph_.node(id)));
  }
  for (const graph::ValueId output : graph_.outputs()) {
    work_.tensors[static_cast<size_t>(tensor_of(output))].is_output = true;
  }
  note_users();
  store_in_8_bits(work_);
  return std::move(work_);
}

void WorkMaker::note_users() {
  for (size_t i = 0; i < work_.ops.size(); ++i) {
    for (const Operand& operand : work_.ops[i].operands) {
      auto& users = work_.tensors[static_cast<size_t>(operand.tensor)].users;
      if (users.empty() || users.back() != static_cast<OpId>(i)) {
        users.push_back(static_cast<OpId>(i));
      }
    }
  }
}

TensorId WorkMaker::add_tensor(std::string name, const Extent& extent, TensorKind kind, int bits) {
  NpuTensor tensor;
  tensor.name = std::move(name);
  tensor.extent = extent;
  tensor.kind = kind;
  tensor.bits = bits;
  work_.tensors.push_back(std::move(tensor));
  return static_cast<TensorId>(work_.tensors.size()) - 1;
}

void WorkMaker::add_source(const Node& node, TensorKind kind) {
  const graph::Value& value = graph_.value(node.output);
  const int bits = value.dtype == DType::i32 ? 32 : 16;
  const TensorId id =
      add_tensor(value.name, extent_of(value.shape, kind != TensorKind::input), kind, bits);
  work_.tensors.back().value = node.output;
  work_.tensor_of_value[static_cast<size_t>(node.output)] = id;
}

TensorId WorkMaker::add_op(Op op, const Extent& extent, std::string name, bool is_last, int bits) {
  const TensorId id = add_tensor(name, extent, TensorKind::activation, bits);
  NpuTensor& tensor = work_.tensors.back();
  tensor.producer = static_cast<OpId>(work_.ops.size());
  op.node = node_id_;
  op.name = std::move(name);
  op.output = id;
  if (is_last) {
    tensor.value = graph_.node(node_id_).output;
    work_.tensor_of_value[static_cast<size_t>(tensor.value)] = id;
  }
  work_.ops.push_back(std::move(op));
  return id;
}

tl::unexpected<Error> WorkMaker::cannot(const Node& node, const std::string& why) const {
  return fail(ErrorCode::unsupported, device_.name + ": " + work_.name + ": " + value_name(node) +
                                          " (" + std::string(graph::op_info(node.op).name) +
                                          "): " + why);
}

Status WorkMaker::check_rate(const Node& node, VectorOp op) const {
  if (device_.vector.cycles[static_cast<size_t>(op)] > 0) return {};
  return cannot(
      node, "vector engines do no " + std::string(to_string(op)) + ", and it is not in host.ops");
}

Op WorkMaker::plain_op(OpKind kind, const Node& node) const {
  Op op;
  op.kind = kind;
  op.graph_op = node.op;
  op.attrs = node.attrs;
  return op;
}

Status WorkMaker::add_node(const Node& node) {
  if (device_.host.ops.contains(graph::op_info(node.op).name)) return add_host_op(node);
  switch (node.op) {
    case GraphOp::input:
      add_source(node, TensorKind::input);
      return {};
    case GraphOp::weight:
      add_source(node, TensorKind::weight);
      return {};
    case GraphOp::constant:
      add_source(node, TensorKind::constant);
      return {};
    case GraphOp::conv2d:
      return add_conv2d(node);
    case GraphOp::linear:
      return add_linear(node);
    case GraphOp::attention:
      return add_attention(node);
    case GraphOp::group_norm:
      return add_group_norm(node);
    case GraphOp::layer_norm:
      return add_layer_norm(node);
    case GraphOp::reshape:
    case GraphOp::convert:
      return add_view(node);
    case GraphOp::resize_nearest:
      return add_resize(node);
    case GraphOp::add:
    case GraphOp::mul:
      return add_two_operands(node);
    case GraphOp::activation:
    case GraphOp::geglu:
    case GraphOp::affine:
    case GraphOp::concat:
    case GraphOp::slice:
      return add_pointwise(node);
    default:
      return cannot(node, "tensor and vector engines do not do it, and it is not in host.ops");
  }
}

Status WorkMaker::add_host_op(const Node& node) {
  Op op = plain_op(OpKind::other, node);
  op.on_host = true;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorId tensor = tensor_of(node.inputs[i]);
    if (tensor == kNoTensor) continue;
    op.operands.push_back({tensor, static_cast<int>(i), Reach::whole, 0, 0});
  }
  const graph::Value& value = graph_.value(node.output);
  Extent grid = extent_of(value.shape, false);
  // Tokens of a picture keep its lines where the host hands them back.
  const bool has_picture = !op.operands.empty() && value.shape.rank() == 3;
  if (has_picture) {
    const Extent& first = extent(op.operands.front().tensor);
    if (first[kColumns] > 1 && first[kLines] * first[kColumns] == value.shape[1]) {
      grid = {value.shape[0], first[kLines], first[kColumns], value.shape[2]};
    }
  }
  add_op(std::move(op), grid, value.name, true);
  return {};
}

/// A reshape between a picture and its tokens is the same tensor under another name. What lies in
/// DRAM alone (inputs, results of the host) can be looked at in any shape.
Status WorkMaker::add_view(const Node& node) {
  const TensorId x = tensor_of(node.input(0));
  NpuTensor& tensor = work_.tensors[static_cast<size_t>(x)];
  const Shape& shape = graph_.value(node.output).shape;
  const bool keeps_rows = shape.rank() >= 2 && shape[0] == tensor.extent[kBatch] &&
                          shape[-1] == tensor.extent[kChannels];
  const bool fits = shape.rank() != 4 ||
                    (shape[1] == tensor.extent[kLines] && shape[2] == tensor.extent[kColumns]);
  if (!keeps_rows || !fits) {
    const bool in_dram = tensor.kind == TensorKind::input ||
                         (tensor.producer >= 0 && work_.op(tensor.producer).on_host);
    const auto takes_places = [&](const Operand& operand) {
      return operand.tensor == x && operand.reach != Reach::whole;
    };
    const bool is_free = in_dram && std::ranges::none_of(work_.ops, [&](const Op& op) {
                           return std::ranges::any_of(op.operands, takes_places);
                         });
    if (!is_free) {
      return cannot(
          node, "reshapes other than of pictures to tokens and back, found " + shape.to_string());
    }
    tensor.extent = extent_of(shape, false);
  }
  work_.tensor_of_value[static_cast<size_t>(node.output)] = x;
  return {};
}

Result<Work> make_work(const graph::Graph& graph, const Device& device,
                       const WorkOptions& options) {
  return WorkMaker(graph, device, options).make();
}

std::string_view to_string(OpKind kind) {
  constexpr std::array<std::string_view, 11> kNames = {
      "conv2d",      "linear",     "scores",    "softmax", "mix",  "group_stats",
      "group_apply", "layer_norm", "pointwise", "resize",  "other"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace edgefusion::npu
