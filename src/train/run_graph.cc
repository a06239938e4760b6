#include "train/run_graph.h"

#include <ATen/ATen.h>

#include "train/graph_run.h"

namespace edgefusion::train {
namespace {

using graph::NodeId;
using graph::ValueId;

/// The node after which a value is not needed any more, by value; its memory may go then.
std::vector<NodeId> last_uses(const graph::Graph& graph, const std::vector<ValueId>& kept) {
  std::vector<NodeId> last(graph.values().size(), -1);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    for (const ValueId input : graph.nodes()[i].inputs) {
      if (input != graph::kNoValue) last[static_cast<size_t>(input)] = static_cast<NodeId>(i);
    }
  }
  for (const ValueId value : kept) last[static_cast<size_t>(value)] = -1;
  return last;
}

using Wanted = std::map<std::string, ValueId>;

Wanted values_of(const graph::Graph& graph, const std::vector<std::string>& taps) {
  Wanted wanted;
  for (const std::string& tap : taps) {
    const ValueId value = graph.find(tap);
    EF_CHECK(value != graph::kNoValue, "taps are values of the graph");
    wanted[tap] = value;
  }
  return wanted;
}

/// Runs the first `count` nodes.
NamedTensors run_nodes(const graph::Graph& graph, const Parameters& parameters,
                       const NamedTensors& inputs, const Wanted& wanted, size_t count) {
  std::vector<ValueId> kept;
  for (const auto& [name, value] : wanted) kept.push_back(value);
  const std::vector<NodeId> last = last_uses(graph, kept);

  GraphRun run(graph, parameters, inputs);
  for (size_t i = 0; i < count; ++i) {
    const graph::Node& node = graph.nodes()[i];
    run.run_node(node);
    for (const ValueId input : node.inputs) {
      const bool done =
          input != graph::kNoValue && last[static_cast<size_t>(input)] == static_cast<NodeId>(i);
      if (done) run.value(input) = at::Tensor();
    }
  }
  NamedTensors results;
  for (const auto& [name, value] : wanted) results[name] = run.value(value);
  return results;
}

}  // namespace

Wanted wanted_values(const graph::Graph& graph, const std::vector<std::string>& taps) {
  Wanted wanted = values_of(graph, taps);
  for (const ValueId output : graph.outputs()) wanted[graph.value(output).name] = output;
  return wanted;
}

NamedTensors run_graph(const graph::Graph& graph, const Parameters& parameters,
                       const NamedTensors& inputs, const std::vector<std::string>& taps) {
  return run_nodes(graph, parameters, inputs, wanted_values(graph, taps), graph.nodes().size());
}

NamedTensors run_graph_until(const graph::Graph& graph, const Parameters& parameters,
                             const NamedTensors& inputs, const std::vector<std::string>& taps) {
  const Wanted wanted = values_of(graph, taps);
  size_t count = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const ValueId output = graph.nodes()[i].output;
    for (const auto& [name, value] : wanted) count = value == output ? i + 1 : count;
  }
  return run_nodes(graph, parameters, inputs, wanted, count);
}

}  // namespace edgefusion::train
