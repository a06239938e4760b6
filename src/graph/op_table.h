#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/graph.h"

namespace edgefusion::graph {

/// Shapes and types of a node's inputs, by slot; nullptr where absent.
using InputValues = std::span<const Value* const>;

/// Everything there is to know of an op; one row per OpKind, in its order.
struct OpInfo {
  OpKind kind;
  std::string_view name;  ///< "conv2d"
  /// Shape and dtype of the output, or what is wrong with the inputs. Not for
  /// input/weight/constant.
  Result<Value> (*infer)(const Attrs& attrs, InputValues inputs);
  /// Multiply-accumulates of one execution (0 for ops without products of matrices).
  int64_t (*macs)(const Attrs& attrs, InputValues inputs, const Value& output);
  /// Reference semantics: plain loops, sums in double. Inputs and output as shaped by infer, data
  /// aligned to its dtype; an absent input is a view without data. Not for the three sources.
  void (*evaluate)(const Attrs& attrs, std::span<const ConstTensorView> inputs, TensorView output);
  /// Attributes as text for dumps ("stride=2 pad=1,1,1,1"), empty if none.
  std::string (*describe)(const Attrs& attrs);
};

const OpInfo& op_info(OpKind kind);
std::span<const OpInfo> op_table();

/// What reports sum a node's cost up under: "conv3x3", "conv1x1", else the name of the op.
std::string op_class(const Graph& graph, const Node& node);

/// MACs of a node, and bytes it reads (each value once) and writes when every value is stored in
/// its dtype. Inputs, weights, constants and reshapes cost nothing themselves.
struct NodeCost {
  int64_t macs = 0;
  int64_t bytes_read = 0;
  int64_t bytes_written = 0;
};
NodeCost node_cost(const Graph& graph, const Node& node);

/// Sum over the graph.
NodeCost graph_cost(const Graph& graph);

}  // namespace edgefusion::graph
