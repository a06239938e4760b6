#include "engine/prepare_graph.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/nearest_name.h"
#include "engine/assign_storage.h"
#include "engine/check_quantization.h"
#include "engine/matrix_shapes.h"
#include "graph/passes/passes.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;

Status add_taps(Graph& graph, const std::vector<std::string>& taps) {
  for (const std::string& tap : taps) {
    const ValueId value = graph.find(tap);
    if (value == kNoValue) {
      std::vector<std::string_view> names;
      for (const auto& known : graph.values()) {
        names.push_back(known.name);
        names.insert(names.end(), known.aliases.begin(), known.aliases.end());
      }
      const std::string_view nearest = nearest_name(tap, names);
      const std::string hint =
          nearest.empty() ? "" : ", did you mean \"" + std::string(nearest) + "\"?";
      return fail(ErrorCode::invalid_argument,
                  graph.name() + ": unknown value \"" + tap + "\"" + hint);
    }
    if (!graph.is_output(value)) graph.add_output(value);
  }
  return {};
}

/// Only bf16 kernels add a vector of each image.
bool takes_image_adds(const Graph& graph, Precision precision) {
  const auto is_taken = [&](const Node& add) {
    const Node& summed = graph.producer(add.input(0));
    const bool is_vector = graph.value(add.input(1)).shape.rank() == 2;
    return !is_vector || summed.op != graph::OpKind::conv2d || takes_bf16(graph, summed);
  };
  return precision != Precision::f32 && std::ranges::all_of(graph.nodes(), [&](const Node& node) {
           return node.op != graph::OpKind::add || is_taken(node);
         });
}

/// The gate of a feed-forward fits into the epilogue of bf16 kernels only.
bool takes_gates(const Graph& graph, Precision precision) {
  return precision != Precision::f32 && std::ranges::all_of(graph.nodes(), [&](const Node& node) {
           if (node.op != graph::OpKind::geglu) return true;
           const Node& gated = graph.producer(node.input(0));
           return gated.op != graph::OpKind::linear || takes_bf16(graph, gated);
         });
}

/// nullptr: nothing is quantised.
const graph::NetworkQuantization* quantization_of(const CompileOptions& options) {
  return options.precision == Precision::int8 ? options.quantization : nullptr;
}

Graph optimised(Graph graph, const CompileOptions& options) {
  graph::OptimizeOptions passes = optional_passes(options.precision);
  passes.fuse_geglu = takes_gates(graph, options.precision);
  passes.fuse_image_add = takes_image_adds(graph, options.precision);
  graph::optimize(graph, passes);
  return graph;
}

}  // namespace

graph::OptimizeOptions optional_passes(Precision) {
  return {.merge_projections = true, .fuse_concat = true};
}

Graph prepared(Graph graph, const CompileOptions& options) {
  return assign_storage(optimised(std::move(graph), options), options.precision,
                        quantization_of(options));
}

Result<Graph> checked_and_prepared(Graph graph, const TensorSource* weights,
                                   const CompileOptions& options) {
  EF_TRY_STATUS(add_taps(graph, options.taps));
  graph = optimised(std::move(graph), options);
  const graph::NetworkQuantization* quantization = quantization_of(options);
  if (quantization != nullptr) {
    EF_TRY_STATUS(check_quantization(graph, weights, *quantization));
  }
  return assign_storage(std::move(graph), options.precision, quantization);
}

}  // namespace edgefusion::engine
