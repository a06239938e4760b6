#include "npu/epilogue_ops.h"

#include <utility>

namespace edgefusion::npu {
namespace {

using graph::Epilogue;
using graph::Node;
using GraphOp = graph::OpKind;

Op pointwise(GraphOp graph_op, graph::Attrs attrs, VectorOp vector_op) {
  Op op;
  op.kind = OpKind::pointwise;
  op.graph_op = graph_op;
  op.attrs = std::move(attrs);
  op.vector_op = vector_op;
  return op;
}

/// The epilogue as ops, one after the other.
std::vector<Op> as_ops(const Epilogue& epilogue, bool has_residual) {
  std::vector<Op> ops;
  if (epilogue.geglu) ops.push_back(pointwise(GraphOp::geglu, graph::NoAttrs{}, VectorOp::geglu));
  if (epilogue.activation != Activation::none) {
    ops.push_back(pointwise(GraphOp::activation, graph::ActivationAttrs{epilogue.activation},
                            vector_op_of(epilogue.activation)));
  }
  if (has_residual) {
    const auto where = epilogue.activation_after_residual ? ops.begin() : ops.end();
    ops.insert(where, pointwise(GraphOp::add, graph::NoAttrs{}, VectorOp::add));
  }
  return ops;
}

}  // namespace

VectorOp vector_op_of(Activation activation) {
  switch (activation) {
    case Activation::relu:
      return VectorOp::relu;
    case Activation::silu:
    case Activation::sigmoid:
      return VectorOp::silu;
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::quick_gelu:
      return VectorOp::gelu;
    case Activation::tanh:
      return VectorOp::tanh;
    case Activation::none:
      break;
  }
  return VectorOp::copy;
}

EpilogueOps split_epilogue(const Node& node, const std::set<VectorOp>& fused) {
  const bool is_conv = node.op == GraphOp::conv2d;
  const Epilogue& epilogue =
      is_conv ? node.as<graph::Conv2dAttrs>().epilogue : node.as<graph::LinearAttrs>().epilogue;
  const size_t residual_slot = is_conv ? static_cast<size_t>(graph::ConvSlots::residual)
                                       : static_cast<size_t>(graph::LinearSlots::residual);
  const std::vector<Op> ops = as_ops(epilogue, node.input(residual_slot) != graph::kNoValue);
  EpilogueOps result;
  size_t kept = 0;
  while (kept < ops.size() && fused.contains(ops[kept].vector_op)) {
    const GraphOp op = ops[kept++].graph_op;
    if (op == GraphOp::geglu) result.kept.geglu = true;
    if (op == GraphOp::activation) {
      result.kept.activation = epilogue.activation;
      result.kept.activation_after_residual = result.keeps_residual;
    }
    if (op == GraphOp::add) result.keeps_residual = true;
  }
  result.after.assign(ops.begin() + static_cast<std::ptrdiff_t>(kept), ops.end());
  return result;
}

void set_epilogue(graph::Attrs& attrs, const Epilogue& epilogue) {
  if (auto* conv = std::get_if<graph::Conv2dAttrs>(&attrs)) conv->epilogue = epilogue;
  if (auto* linear = std::get_if<graph::LinearAttrs>(&attrs)) linear->epilogue = epilogue;
}

}  // namespace edgefusion::npu
