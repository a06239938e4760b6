#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/passes/passes.h"
#include "graph/testing/random_graph.h"
#include "onnx/testing/matrix_cases.h"
#include "onnx/testing/op_cases.h"
#include "onnx/testing/quantized_cases.h"

namespace edgefusion::onnx {

inline constexpr graph::OptimizeOptions kAllPasses = {
    .merge_projections = true, .fuse_geglu = true, .fuse_concat = true, .fuse_image_add = true};

inline bool is_computed(graph::OpKind op) {
  return op != graph::OpKind::input && op != graph::OpKind::weight && op != graph::OpKind::constant;
}

/// The nodes of a graph in `count` groups, one after the other.
inline std::vector<NodeGroup> groups_in_order(const graph::Graph& graph, size_t count) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes()) {
    if (is_computed(node.op)) names.push_back(graph.value(node.output).name);
  }
  count = std::min(count, names.size());
  std::vector<NodeGroup> groups(count);
  for (size_t g = 0; g < count; ++g) {
    groups[g].name = "g" + std::to_string(g);
    groups[g].nodes.assign(
        names.begin() + static_cast<std::ptrdiff_t>(names.size() * g / count),
        names.begin() + static_cast<std::ptrdiff_t>(names.size() * (g + 1) / count));
  }
  return groups;
}

/// A random network as it was built, with all passes, and that in groups.
inline void add_graph_cases(std::vector<ExportCase>& cases) {
  constexpr float kNetworkBound = 2e-4f;
  for (uint32_t seed = 0; seed < 12; ++seed) {
    const graph::RandomGraph random(seed);
    for (const char* form : {"plain", "fused", "groups"}) {
      ExportCase& made = cases.emplace_back();
      made.name = std::string("random_") + form + "_" + std::to_string(seed);
      made.graph = random.graph();
      for (const std::string& name : random.weights().names()) {
        made.weights.set(name, Tensor::copy_of(*random.weights().find(name)));
      }
      made.inputs = random.inputs();
      made.outputs = graph::evaluate(random.graph(), &random.weights(), random.inputs());
      made.bound = kNetworkBound;
      if (std::string(form) != "plain") graph::optimize(made.graph, kAllPasses);
      if (std::string(form) == "groups") made.groups = groups_in_order(made.graph, 4);
    }
  }
}

/// Everything the exporter must write, each with what it gives.
inline std::vector<ExportCase> all_cases() {
  std::vector<ExportCase> cases;
  add_activation_cases(cases);
  add_broadcast_cases(cases);
  add_layout_cases(cases);
  add_norm_cases(cases);
  add_token_cases(cases);
  add_conv_cases(cases);
  add_linear_cases(cases);
  add_attention_cases(cases);
  add_quantized_cases(cases);
  add_graph_cases(cases);
  return cases;
}

}  // namespace edgefusion::onnx
