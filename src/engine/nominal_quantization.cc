#include "engine/nominal_quantization.h"

#include "engine/lower_int8_matrix.h"
#include "engine/matrix_shapes.h"
#include "kernels/matrix/int8/int8_matrix.h"
#include "kernels/matrix/matrix.h"

namespace edgefusion::engine {
namespace {

using graph::LayerQuantization;
using graph::Scheme;

constexpr int64_t kFewestChannels = 128;
constexpr float kStep = 8.0f / 255;

LayerQuantization with_scheme(Scheme scheme) {
  LayerQuantization layer = {.scheme = scheme};
  if (scheme == Scheme::w8a8) layer.input_scale = {kStep};
  if (scheme == Scheme::w8a8_winograd) layer.position_scale.assign(16, 2 * kStep);
  return layer;
}

/// Cycles as the kernels' tables estimate them.
LayerQuantization fastest(const graph::Graph& graph, const graph::Node& node, IsaSet isa) {
  const kernels::ConvShape shape = matrix_shape(graph, node);
  LayerQuantization best = with_scheme(Scheme::bf16);
  if (!takes_bf16(graph, node)) return best;
  const kernels::MatrixRow& bf16 = kernels::select_matrix(isa, shape);
  double lowest = bf16.cost(bf16, shape);
  for (const auto& [scheme, method] :
       {std::pair{Scheme::w8a8, kernels::Int8Method::direct},
        std::pair{Scheme::w8a8_winograd, kernels::Int8Method::winograd}}) {
    LayerQuantization layer = with_scheme(scheme);
    if (!takes_u8(graph, node, layer)) continue;
    // Few channels: transforming bf16 takes as long as the products do, integers half of that.
    if (scheme == Scheme::w8a8_winograd && shape.inputs() < kFewestChannels) {
      layer.input_scale = {kStep};
      layer.position_scale.assign(16, 2);
    }
    const kernels::Int8MatrixRow& row = kernels::select_int8_matrix(isa, shape, method);
    const double cost = row.cost(row, shape);
    if (cost < lowest) {
      lowest = cost;
      best = layer;
    }
  }
  return best;
}

/// Rounding keys and values of a few dozen tokens costs more than it saves.
bool has_many_keys(const graph::Graph& graph, const graph::Node& node) {
  constexpr int64_t kFewest = 128;
  return graph.value(node.input(graph::AttentionSlots::k)).shape[1] >= kFewest;
}

}  // namespace

graph::NetworkQuantization nominal_quantization(const graph::Graph& prepared, IsaSet isa) {
  graph::NetworkQuantization result;
  for (const graph::Node& node : prepared.nodes()) {
    if (node.op == graph::OpKind::attention && has_many_keys(prepared, node)) {
      result.attentions[prepared.value(node.output).name] = graph::AttentionScheme::int8;
    }
    const std::string name = graph::layer_name(prepared, node);
    if (name.empty() || prepared.value(node.inputs[0]).shape.rank() < 3) continue;
    result.layers[name] = fastest(prepared, node, isa);
  }
  return result;
}

}  // namespace edgefusion::engine
