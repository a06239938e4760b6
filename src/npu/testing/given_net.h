#pragma once

#include <map>
#include <random>
#include <string>
#include <utility>

#include "graph/builder.h"
#include "graph/testing/given_weights.h"

namespace edgefusion::npu {

/// A small network with seeded weights and inputs; ids are 0 to 7.
struct GivenNet {
  graph::Graph graph;
  graph::GivenWeights weights;
  std::map<std::string, Tensor> inputs;
};

inline GivenNet given_net(graph::Graph graph, uint32_t seed = 1) {
  std::mt19937 random(seed);
  const auto noise = [&](const Shape& shape) {
    Tensor tensor(shape, DType::f32);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    for (float& x : tensor.values<float>()) x = uniform(random);
    return tensor;
  };
  GivenNet net;
  net.graph = std::move(graph);
  for (const graph::ValueId id : net.graph.inputs()) {
    const graph::Value& value = net.graph.value(id);
    if (value.dtype == DType::i32) {
      Tensor ids(value.shape, DType::i32);
      for (int32_t& token : ids.values<int32_t>()) token = static_cast<int32_t>(random() % 8);
      net.inputs[value.name] = std::move(ids);
      continue;
    }
    net.inputs[value.name] = noise(value.shape);
  }
  for (const graph::Node& node : net.graph.nodes()) {
    if (node.op != graph::OpKind::weight) continue;
    net.weights.set(node.as<graph::WeightAttrs>().tensors.front(),
                    noise(net.graph.value(node.output).shape));
  }
  return net;
}

}  // namespace edgefusion::npu
