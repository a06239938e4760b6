#include "train/run_graph.h"

#include <ATen/ATen.h>

#include "train/tensors.h"
#include "train/torch_ops.h"

namespace edgefusion::train {
namespace {

using graph::NodeId;
using graph::OpKind;
using graph::ValueId;

/// Stacked along axis 0 where a pass merged several.
at::Tensor weight_of(const graph::WeightAttrs& attrs, const Parameters& parameters) {
  std::vector<at::Tensor> parts;
  for (const std::string& name : attrs.tensors) parts.push_back(parameters.at(name));
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

at::Tensor given(const NamedTensors& inputs, const graph::Value& value) {
  const auto found = inputs.find(value.name);
  EF_CHECK(found != inputs.end(), "every input of the graph is given");
  EF_CHECK(shape_of(found->second) == value.shape, "inputs have the graph's shapes");
  return found->second;
}

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

/// One pass through the graph.
class GraphRun {
 public:
  GraphRun(const graph::Graph& graph, const Parameters& parameters, const NamedTensors& inputs)
      : graph_(graph), parameters_(parameters), inputs_(inputs), values_(graph.values().size()) {}

  void run_node(const graph::Node& node) { value(node.output) = compute(node); }

  at::Tensor& value(ValueId id) { return values_[static_cast<size_t>(id)]; }

 private:
  at::Tensor compute(const graph::Node& node) {
    switch (node.op) {
      case OpKind::input:
        return given(inputs_, graph_.value(node.output));
      case OpKind::weight:
        return weight_of(node.as<graph::WeightAttrs>(), parameters_)
            .view(extents_of(graph_.value(node.output).shape));
      case OpKind::constant:
        return to_torch(node.as<graph::ConstantAttrs>().data->view()).to(device());
      default:
        break;
    }
    std::vector<at::Tensor> operands;
    for (const ValueId input : node.inputs) {
      operands.push_back(input == graph::kNoValue ? at::Tensor() : value(input));
    }
    return apply_op(node, operands);
  }

  at::Device device() const {
    return inputs_.empty() ? at::Device(at::kCPU) : inputs_.begin()->second.device();
  }

  const graph::Graph& graph_;
  const Parameters& parameters_;
  const NamedTensors& inputs_;
  std::vector<at::Tensor> values_;
};

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

NamedTensors run_graph(const graph::Graph& graph, const Parameters& parameters,
                       const NamedTensors& inputs, const std::vector<std::string>& taps) {
  Wanted wanted = values_of(graph, taps);
  for (const ValueId output : graph.outputs()) wanted[graph.value(output).name] = output;
  return run_nodes(graph, parameters, inputs, wanted, graph.nodes().size());
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
