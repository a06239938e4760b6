#pragma once

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "core/tensor.h"
#include "graph/builder.h"

namespace edgefusion::engine {

using graph::Graph;
using graph::GraphBuilder;
using graph::ValueId;
using graph::WeightScope;

inline Tensor ramp(const Shape& shape) {
  Tensor tensor(shape, DType::f32);
  int64_t i = 0;
  for (float& value : tensor.values<float>()) {
    value = std::sin(0.37f * static_cast<float>(i % 1013)) + 0.001f * static_cast<float>(i % 7);
    ++i;
  }
  return tensor;
}

/// A residual block, a downsampler, self- and cross-attention, GEGLU, an upsampler with a skip:
/// every kind of step a U-Net has, at sizes that fill no tile.
inline Graph small_network(int64_t batch, int64_t height, int64_t width) {
  GraphBuilder g("small", nullptr);
  const WeightScope w;
  const ValueId x = g.input("x", {batch, height, width, 4});
  const ValueId t = g.input("t", {batch});
  const ValueId text = g.input("text", {batch, 7, 24});
  const ValueId time = g.linear(g.silu(g.timestep_embedding(t, {.dim = 20})), w / "time", 40);
  const ValueId in = g.conv2d(x, w / "conv_in", 40);
  ValueId h = g.conv2d(g.silu(g.group_norm(in, w / "norm1", 8, 1e-5f)), w / "conv1", 40);
  h = g.conv2d(g.silu(g.group_norm(g.add(h, time), w / "norm2", 8, 1e-5f)), w / "conv2", 40);
  const ValueId skip = g.add(h, in);
  const ValueId down = g.conv2d(skip, w / "down", 48, {.stride = 2});
  const Shape low = g.shape(down);
  const ValueId rows = g.reshape(down, {batch, low[1] * low[2], 48});
  const ValueId normed = g.layer_norm(rows, w / "ln", 1e-5f);
  const ValueId self = g.attention({.q = g.linear(normed, w / "q", 48, false),
                                    .k = g.linear(normed, w / "k", 48, false),
                                    .v = g.linear(normed, w / "v", 48, false)},
                                   {.heads = 3, .scale = 0.25f});
  ValueId y = g.add(g.linear(self, w / "out", 48), rows);
  const ValueId cross = g.attention({.q = g.linear(y, w / "q2", 48, false),
                                     .k = g.linear(text, w / "k2", 48, false),
                                     .v = g.linear(text, w / "v2", 48, false)},
                                    {.heads = 3, .scale = 0.25f});
  y = g.add(g.linear(cross, w / "out2", 48), y);
  y = g.add(g.linear(g.geglu(g.linear(y, w / "ff1", 192)), w / "ff2", 48), y);
  const ValueId up = g.resize_nearest(g.reshape(y, low), height, width);
  const ValueId joined = g.concat({g.conv2d(up, w / "up", 40), skip});
  g.output("y", g.conv2d(g.silu(g.group_norm(joined, w / "norm3", 10, 1e-5f)), w / "conv_out", 4));
  auto graph = g.finish();
  EF_CHECK(graph.has_value(), graph.error().message());
  return std::move(*graph);
}

inline std::map<std::string, Tensor> small_inputs(const Graph& graph) {
  std::map<std::string, Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const graph::Value& value = graph.value(id);
    inputs.emplace(value.name, ramp(value.shape));
  }
  const auto time = inputs.find("t");
  if (time != inputs.end()) time->second.values<float>()[0] = 999.0f;
  return inputs;
}

}  // namespace edgefusion::engine
