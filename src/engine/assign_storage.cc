#include "engine/assign_storage.h"

#include <map>
#include <utility>

#include "engine/matrix_shapes.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::OpKind;
using graph::ValueId;

bool is_matrix_op(OpKind op) { return op == OpKind::conv2d || op == OpKind::linear; }

/// Ops that compute each element from the same element of their first operand.
bool follows_first_operand(OpKind op) {
  switch (op) {
    case OpKind::activation:
    case OpKind::affine:
    case OpKind::slice:
    case OpKind::reshape:
    case OpKind::resize_nearest:
      return true;
    default:
      return false;
  }
}

bool lives_outside_the_arena(OpKind op) { return op == OpKind::weight || op == OpKind::constant; }

/// Rebuilds a graph node by node with the types chosen on the way.
class StorageAssignment {
 public:
  explicit StorageAssignment(const Graph& graph)
      : graph_(graph),
        result_(graph.name()),
        renamed_(graph.values().size(), kNoValue),
        wants_f32_(values_that_want_f32(graph)) {}

  Graph run() && {
    for (const Node& node : graph_.nodes()) add(node);
    for (const ValueId input : graph_.inputs()) result_.add_input(at(input));
    for (const ValueId output : graph_.outputs()) result_.add_output(as_output(output));
    result_.eliminate_dead_nodes();
    return std::move(result_);
  }

 private:
  /// Outputs, and what only element-wise ops separate from one.
  static std::vector<bool> values_that_want_f32(const Graph& graph) {
    std::vector<bool> wanted(graph.values().size(), false);
    for (const ValueId output : graph.outputs()) wanted[static_cast<size_t>(output)] = true;
    const auto nodes = graph.nodes();
    for (size_t n = nodes.size(); n-- > 0;) {
      const bool passes_on = nodes[n].op == OpKind::activation || nodes[n].op == OpKind::affine;
      if (passes_on && wanted[static_cast<size_t>(nodes[n].output)]) {
        wanted[static_cast<size_t>(nodes[n].inputs[0])] = true;
      }
    }
    return wanted;
  }

  ValueId at(ValueId old) const { return renamed_[static_cast<size_t>(old)]; }
  DType type_of(ValueId old) const { return result_.value(at(old)).dtype; }

  /// The value in that type, converted once for all who want it.
  ValueId in_type(ValueId old, DType type) {
    if (old == kNoValue) return kNoValue;
    const ValueId same = at(old);
    const graph::Value& value = result_.value(same);
    const bool is_activation = !lives_outside_the_arena(result_.producer(same).op) &&
                               (value.dtype == DType::f32 || value.dtype == DType::bf16);
    if (!is_activation || value.dtype == type) return same;
    const auto [found, is_new] = converted_.try_emplace({old, type}, kNoValue);
    if (is_new) {
      graph::Value made;
      made.name = value.name + ":" + std::string(to_string(type));
      made.shape = value.shape;
      made.dtype = type;
      found->second =
          result_.add(OpKind::convert, graph::ConvertAttrs{type}, {same}, std::move(made));
    }
    return found->second;
  }

  /// Outputs are f32; the converted value takes over the name.
  ValueId as_output(ValueId old) {
    const ValueId value = in_type(old, DType::f32);
    if (value != at(old)) std::swap(result_.value(value).name, result_.value(at(old)).name);
    return value;
  }

  bool any_operand_is(const Node& node, DType type) const {
    for (const ValueId input : node.inputs) {
      if (input != kNoValue && type_of(input) == type) return true;
    }
    return false;
  }

  bool has_weight_operand(const Node& node) const {
    for (const ValueId input : node.inputs) {
      if (input != kNoValue && lives_outside_the_arena(graph_.producer(input).op)) return true;
    }
    return false;
  }

  /// In which type the node works: that of its activation operands.
  DType working_type(const Node& node) const {
    const graph::Value& output = graph_.value(node.output);
    if (follows_first_operand(node.op)) return type_of(node.inputs[0]);
    switch (node.op) {
      case OpKind::conv2d:
      case OpKind::linear:
        return takes_bf16(graph_, node) ? DType::bf16 : DType::f32;
      case OpKind::attention:
      case OpKind::group_norm:
      case OpKind::layer_norm:
      case OpKind::geglu:
        return output.shape.rank() >= 3 ? DType::bf16 : DType::f32;
      case OpKind::add:
      case OpKind::mul:
        if (has_weight_operand(node)) return DType::f32;
        return any_operand_is(node, DType::bf16) ? DType::bf16 : DType::f32;
      case OpKind::concat:
        return any_operand_is(node, DType::bf16) ? DType::bf16 : type_of(node.inputs[0]);
      default:
        return DType::f32;
    }
  }

  /// The type of a node's operand in `slot`, given the type the node works in.
  static DType operand_type(const Node& node, size_t slot, DType working) {
    const bool is_key_mask =
        node.op == OpKind::attention && slot == graph::AttentionSlots::key_mask;
    const bool is_image_add = node.op == OpKind::conv2d && slot == graph::ConvSlots::image_add;
    return is_key_mask || is_image_add ? DType::f32 : working;
  }

  void add(const Node& node) {
    graph::Value output = graph_.value(node.output);
    const DType working = working_type(node);
    std::vector<ValueId> inputs;
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      inputs.push_back(in_type(node.inputs[slot], operand_type(node, slot, working)));
    }
    if (output.dtype == DType::f32 && working == DType::bf16) {
      const bool stays_f32 = is_matrix_op(node.op) && wants_f32_[static_cast<size_t>(node.output)];
      output.dtype = stays_f32 ? DType::f32 : DType::bf16;
    }
    renamed_[static_cast<size_t>(node.output)] =
        result_.add(node.op, node.attrs, std::move(inputs), std::move(output));
  }

  const Graph& graph_;
  Graph result_;
  std::vector<ValueId> renamed_;
  std::vector<bool> wants_f32_;
  std::map<std::pair<ValueId, DType>, ValueId> converted_;
};

}  // namespace

Graph assign_storage(Graph graph, Precision precision) {
  if (precision == Precision::f32) return graph;
  return StorageAssignment(graph).run();
}

}  // namespace edgefusion::engine
