#include "engine/line_op.h"

#include <algorithm>

#include "engine/lower_int8_matrix.h"
#include "engine/matrix_shapes.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::engine {
namespace {

using graph::ConvSlots;
using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::OpKind;

bool lives_outside_the_arena(OpKind op) { return op == OpKind::weight || op == OpKind::constant; }

bool is_line_op(OpKind op) {
  switch (op) {
    case OpKind::conv2d:
    case OpKind::group_norm:
    case OpKind::activation:
    case OpKind::affine:
    case OpKind::add:
    case OpKind::convert:
      return true;
    default:
      return false;
  }
}

/// Skips of a U-Net live across the whole network: no windows are to be had there.
bool has_second_source(const Node& node) {
  if (node.op == OpKind::conv2d) return node.input(ConvSlots::x2) != kNoValue;
  return node.op == OpKind::group_norm && node.input(graph::NormSlots::x2) != kNoValue;
}

}  // namespace

bool is_picture_operand(const Graph& graph, const Node& node, size_t slot) {
  const graph::ValueId value = node.input(slot);
  return value != kNoValue && !lives_outside_the_arena(graph.producer(value).op);
}

bool runs_by_lines(const Graph& graph, const Node& node) {
  const Shape& result = graph.value(node.output).shape;
  if (!is_line_op(node.op) || result.rank() != 4 || has_second_source(node)) return false;
  if (!is_picture_operand(graph, node, 0)) return false;
  for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
    if (!is_picture_operand(graph, node, slot)) continue;
    const Shape& operand = graph.value(node.inputs[slot]).shape;
    if (operand.rank() != 4 || operand[0] != result[0]) return false;
  }
  if (node.op != OpKind::add) return true;
  return is_picture_operand(graph, node, 1) &&
         graph.value(node.inputs[0]).shape == graph.value(node.inputs[1]).shape;
}

bool needs_whole_operand(const Node& node) { return node.op == OpKind::group_norm; }

int64_t line_state_bytes(const Graph& graph, const Node& node) {
  if (node.op != OpKind::group_norm) return 0;
  return 2 * graph.value(node.output).shape[-1] * static_cast<int64_t>(sizeof(float));
}

Lines lines_read(const Graph& graph, const Node& node, size_t slot, Lines result) {
  if (node.op != OpKind::conv2d || slot == ConvSlots::residual) return result;
  const kernels::ConvShape shape = matrix_shape(graph, node);
  const int64_t first = result.begin * shape.stride - shape.pad_top;
  const int64_t last = (result.end - 1) * shape.stride - shape.pad_top + shape.kernel_height - 1;
  const int shift = shape.upsample2x ? 1 : 0;
  const int64_t begin = std::clamp<int64_t>(first, 0, shape.in_height()) >> shift;
  const int64_t end = std::clamp<int64_t>(last + 1, 0, shape.in_height());
  return {begin, (end + shift) >> shift};
}

int64_t lines_at_once(const Graph& graph, const Node& node, IsaSet isa) {
  if (node.op != OpKind::conv2d) return 1;
  if (has_int8_activations(node)) return int8_lines_at_once(graph, node, isa);
  // Weights of few bits run by the direct method; where the codes are missing the whole lines of
  // another method do no harm.
  const bool is_bf16 = graph.value(node.input(ConvSlots::x)).dtype == DType::bf16;
  return is_bf16 ? kernels::select_matrix(isa, matrix_shape(graph, node)).unit_lines : 1;
}

}  // namespace edgefusion::engine
