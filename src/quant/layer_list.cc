#include "quant/layer_list.h"

#include "engine/lower_int8_matrix.h"
#include "engine/matrix_shapes.h"
#include "graph/op_table.h"

namespace edgefusion::quant {
namespace {

using graph::ConvSlots;
using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::OpKind;
using graph::Scheme;
using graph::ValueId;

/// Conversions and reshapes make no values of their own: the one behind them.
ValueId origin_of(const Graph& graph, ValueId value) {
  while (true) {
    const Node& node = graph.producer(value);
    const bool passes_on = node.op == OpKind::convert || node.op == OpKind::reshape;
    if (!passes_on) return value;
    if (graph.value(node.inputs[0]).shape[-1] != graph.value(value).shape[-1]) return value;
    value = node.inputs[0];
  }
}

std::vector<std::string> tensors_of(const Graph& graph, ValueId weight) {
  if (weight == kNoValue || graph.producer(weight).op != OpKind::weight) return {};
  return graph.producer(weight).as<graph::WeightAttrs>().tensors;
}

bool contains(const std::string& name, std::string_view part) {
  return name.find(part) != std::string::npos;
}

std::vector<Scheme> schemes_of(const Graph& graph, const Node& node) {
  std::vector<Scheme> schemes;
  for (const std::string_view name : graph::scheme_names()) {
    const Scheme scheme = *graph::parse_scheme(name);
    if (graph::has_int8_activations(scheme)) {
      if (!engine::takes_u8(graph, node, {.scheme = scheme})) continue;
    } else if (scheme != Scheme::f32 && !engine::takes_bf16(graph, node)) {
      continue;
    }
    schemes.push_back(scheme);
  }
  return schemes;
}

Layer layer_of(const Graph& graph, const Node& node, const std::string& network) {
  Layer layer;
  layer.network = network;
  layer.name = graph::layer_name(graph, node);
  layer.kind = graph::op_class(graph, node);
  layer.is_content = contains(layer.name, ".attn2.") || contains(layer.name, ".ff.");
  layer.weights = tensors_of(graph, node.input(ConvSlots::weight));
  layer.biases = tensors_of(graph, node.input(ConvSlots::bias));
  layer.weight_shape = graph.value(node.input(ConvSlots::weight)).shape;
  layer.output = graph.value(node.output).name;
  layer.macs = graph::node_cost(graph, node).macs;
  const bool is_conv = node.op == OpKind::conv2d;
  layer.upsample2x = is_conv && node.as<graph::Conv2dAttrs>().upsample2x;
  for (const size_t slot : {size_t{ConvSlots::x}, size_t{ConvSlots::x2}}) {
    if (slot == ConvSlots::x2 && !is_conv) break;
    const ValueId input = node.input(slot);
    if (input == kNoValue) continue;
    layer.inputs.push_back(graph.value(origin_of(graph, input)).name);
    layer.input_channels.push_back(graph.value(input).shape[-1]);
  }
  layer.schemes = schemes_of(graph, node);
  return layer;
}

}  // namespace

void append_layers(const Graph& prepared, const std::string& network, LayerList& list) {
  for (const Node& node : prepared.nodes()) {
    if (node.op == OpKind::attention) {
      list.attentions.push_back(
          {network, prepared.value(node.output).name, graph::node_cost(prepared, node).macs});
    }
    if (graph::layer_name(prepared, node).empty()) continue;
    // Vectors (the time embedding) are computed once a step, in f32, before it begins.
    if (prepared.value(node.inputs[0]).shape.rank() < 3) continue;
    list.layers.push_back(layer_of(prepared, node, network));
  }
}

}  // namespace edgefusion::quant
