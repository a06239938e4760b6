#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "engine/testing/run_program.h"
#include "graph/quantization.h"

namespace edgefusion::engine {

inline double sqnr_db(const Tensor& exact, const Tensor& found) {
  const auto a = exact.values<float>(), b = found.values<float>();
  double signal = 0, noise = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    signal += static_cast<double>(a[i]) * a[i];
    noise += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  }
  return 10 * std::log10(signal / noise);
}

using Magnitudes = std::map<std::string, float>;  // by value

/// The largest magnitude of every value that a layer reads, as calibration would see it.
inline Magnitudes magnitudes(const graph::Graph& graph, const TensorSource& weights,
                             const std::map<std::string, Tensor>& inputs) {
  Magnitudes largest;
  const Runtime runtime = make_runtime(1);
  CompileOptions options;
  options.observe = [&](std::string_view name, const ConstTensorView& value) {
    if (value.dtype != DType::f32) return;
    const std::span<const float> values(value.as<float>(),
                                        static_cast<size_t>(value.shape.elements()));
    float& known = largest[std::string(name)];
    known = std::max(known, max_abs(values));
  };
  compile_and_run(graph, weights, inputs, runtime, options);
  return largest;
}

/// The magnitude of what a layer reads: of the value behind conversions and reshapes.
inline float magnitude_of_input(const graph::Graph& graph, const graph::Node& node,
                                const Magnitudes& seen) {
  graph::ValueId value = node.inputs[0];
  while (!seen.contains(graph.value(value).name)) {
    EF_CHECK(!graph.producer(value).inputs.empty(), graph.value(value).name + " was not seen");
    value = graph.producer(value).inputs[0];
  }
  return seen.at(graph.value(value).name);
}

/// A layer in that scheme, with scales that reach all that comes by.
inline graph::LayerQuantization layer_in(graph::Scheme scheme, float largest) {
  graph::LayerQuantization layer = {.scheme = scheme};
  if (scheme == graph::Scheme::w8a8) layer.input_scale = {2 * largest / 255};
  if (scheme == graph::Scheme::w8a8_winograd) layer.position_scale.assign(16, 4 * largest / 127);
  return layer;
}

/// Layers as `choose` says, called with their names and what they read at most; attentions in 8
/// bits.
template <typename Choose>
graph::NetworkQuantization quantized_by(const graph::Graph& graph, const Magnitudes& seen,
                                        const Choose& choose) {
  graph::NetworkQuantization result;
  const graph::Graph bf16 = prepared(graph, {.precision = Precision::bf16});
  for (const graph::Node& node : bf16.nodes()) {
    if (node.op == graph::OpKind::attention) {
      result.attentions[bf16.value(node.output).name] = graph::AttentionScheme::int8;
    }
    const std::string name = graph::layer_name(bf16, node);
    if (!name.empty()) result.layers[name] = choose(name, magnitude_of_input(bf16, node, seen));
  }
  return result;
}

/// Every layer in one scheme, as far as it can be.
inline graph::NetworkQuantization uniform(const graph::Graph& graph, graph::Scheme scheme,
                                          const Magnitudes& seen) {
  return quantized_by(graph, seen,
                      [&](const std::string&, float largest) { return layer_in(scheme, largest); });
}

}  // namespace edgefusion::engine
