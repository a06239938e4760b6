#include "engine/assign_storage.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/lower_int8_matrix.h"
#include "engine/matrix_shapes.h"
#include "engine/write_u8.h"

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
  StorageAssignment(const Graph& graph, const graph::NetworkQuantization* quantization)
      : graph_(graph),
        quantization_(quantization),
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

  /// The value as u8 of that format.
  ValueId in_u8(ValueId floats, const std::shared_ptr<const graph::U8Format>& format) {
    const graph::Value& value = result_.value(floats);
    graph::Value made;
    made.name = value.name + ":u8";
    made.shape = value.shape;
    made.dtype = DType::u8;
    made.u8 = format;
    return result_.add(OpKind::convert, graph::ConvertAttrs{DType::u8, format}, {floats},
                       std::move(made));
  }

  /// The same, converted once for all layers that read it so.
  ValueId in_shared_u8(ValueId floats, const std::shared_ptr<const graph::U8Format>& format) {
    std::vector<ValueId>& known = in_u8_[floats];
    const auto same = std::ranges::find_if(
        known, [&](ValueId bytes) { return *result_.value(bytes).u8 == *format; });
    if (same != known.end()) return *same;
    known.push_back(in_u8(floats, format));
    return known.back();
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

  /// What the caller wants of the layer, as far as there are kernels for it; nullptr: bf16.
  graph::QuantizationOf quantization_of_layer(const Node& node) const {
    if (quantization_ == nullptr || !is_matrix_op(node.op)) return nullptr;
    const graph::LayerQuantization* layer = quantization_->layer(graph::layer_name(graph_, node));
    if (layer == nullptr || layer->scheme == graph::Scheme::bf16) return nullptr;
    const bool possible = layer->scheme == graph::Scheme::f32 ? may_be_f32(node)
                          : graph::has_int8_activations(layer->scheme)
                              ? takes_u8(graph_, node, *layer)
                              : takes_bf16(graph_, node);
    return possible ? std::make_shared<const graph::LayerQuantization>(*layer) : nullptr;
  }

  /// The f32 kernels have no gate and no sum of a vector for each image.
  static bool may_be_f32(const Node& node) {
    if (node.op == OpKind::linear) return !node.as<graph::LinearAttrs>().epilogue.geglu;
    return node.input(graph::ConvSlots::image_add) == kNoValue;
  }

  static bool is_f32_layer(const Node& node) {
    if (!is_matrix_op(node.op)) return false;
    const graph::LayerQuantization* layer = quantization_of(node);
    return layer != nullptr && layer->scheme == graph::Scheme::f32;
  }

  /// In which type the node works: that of its activation operands.
  DType working_type(const Node& node) const {
    const graph::Value& output = graph_.value(node.output);
    if (follows_first_operand(node.op)) return type_of(node.inputs[0]);
    switch (node.op) {
      case OpKind::conv2d:
      case OpKind::linear:
        if (is_f32_layer(node)) return DType::f32;
        if (has_int8_activations(node)) return DType::bf16;  // also of few channels
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

  /// The node with what the caller wants of it as an attribute.
  Node quantized(Node node) const {
    if (auto layer = quantization_of_layer(node)) {
      graph::set_quantization(node, std::move(layer));
    }
    if (quantization_ != nullptr && node.op == OpKind::attention) {
      node.as<graph::AttentionAttrs>().scheme =
          quantization_->attention(graph_.value(node.output).name);
    }
    return node;
  }

  static bool reads_u8(const graph::LayerQuantization& layer) {
    const bool is_winograd = layer.scheme == graph::Scheme::w8a8_winograd;
    return layer.scheme == graph::Scheme::w8a8 || (is_winograd && !layer.input_scale.empty());
  }

  /// Operands x and x2 of a layer whose activations have a format known beforehand.
  void read_u8(const Node& node, std::vector<ValueId>& inputs) {
    if (!is_matrix_op(node.op)) return;
    const graph::LayerQuantization* layer = quantization_of(node);
    if (layer == nullptr || !reads_u8(*layer)) return;
    const size_t x2 = graph::ConvSlots::x2;
    const ValueId second = node.op == OpKind::conv2d ? node.input(x2) : kNoValue;
    const int64_t channels = graph_.value(node.inputs[0]).shape[-1];
    const int64_t more = second == kNoValue ? 0 : graph_.value(second).shape[-1];
    const std::vector<float> scales = layer->channel_scales(channels + more);
    const auto format = [&](int64_t begin, int64_t end) {
      return std::make_shared<const graph::U8Format>(graph::U8Format{
          std::vector<float>(scales.begin() + begin, scales.begin() + end), layer->zero_point});
    };
    // Both sources have one type: where the kernel quantises them on the way, neither stays u8
    // because somebody else wants it so.
    const bool on_the_way = quantizes_rows(graph_, node);
    const bool has_one_source = second == kNoValue;
    const auto read = [&](ValueId source, const std::shared_ptr<const graph::U8Format>& u8) {
      // Those kernels take bf16; all else is rounded once, from what it is.
      const ValueId floats = on_the_way ? in_type(source, DType::bf16) : at(source);
      return on_the_way && !has_one_source ? in_u8(floats, u8) : in_shared_u8(floats, u8);
    };
    inputs[0] = read(node.inputs[0], format(0, channels));
    if (!has_one_source) inputs[x2] = read(second, format(channels, channels + more));
  }

  void add(const Node& given) {
    const Node node = quantized(given);
    graph::Value output = graph_.value(node.output);
    const DType working = working_type(node);
    std::vector<ValueId> inputs;
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      inputs.push_back(in_type(node.inputs[slot], operand_type(node, slot, working)));
    }
    read_u8(node, inputs);
    if (output.dtype == DType::f32 && working == DType::bf16) {
      const bool stays_f32 = is_matrix_op(node.op) && wants_f32_[static_cast<size_t>(node.output)];
      output.dtype = stays_f32 ? DType::f32 : DType::bf16;
    }
    renamed_[static_cast<size_t>(node.output)] =
        result_.add(node.op, node.attrs, std::move(inputs), std::move(output));
  }

  const Graph& graph_;
  const graph::NetworkQuantization* quantization_;
  Graph result_;
  std::vector<ValueId> renamed_;
  std::vector<bool> wants_f32_;
  std::map<std::pair<ValueId, DType>, ValueId> converted_;
  std::map<ValueId, std::vector<ValueId>> in_u8_;  ///< by the floats they are made from
};

}  // namespace

Graph assign_storage(Graph graph, Precision precision,
                     const graph::NetworkQuantization* quantization) {
  if (precision == Precision::f32) return graph;
  Graph stored = StorageAssignment(graph, quantization).run();
  if (quantization != nullptr) write_u8_at_once(stored);
  return stored;
}

}  // namespace edgefusion::engine
