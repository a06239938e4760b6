#include "train/checkpointed_run.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "train/autocast.h"
#include "train/graph_run.h"

namespace edgefusion::train {
namespace {

using graph::ValueId;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool is_source(const graph::Node& node) {
  return node.op == graph::OpKind::input || node.op == graph::OpKind::constant;
}

/// Nodes [first, end) of a graph, but for its inputs and constants, as one function of tensors.
struct Segment {
  const graph::Graph* graph = nullptr;
  size_t first = 0, end = 0;
  std::vector<ValueId> taken;        // from before it
  std::vector<ValueId> given;        // to what comes behind it
  std::vector<std::string> weights;  // the parameters it reads

  /// tensors: the taken, then the weights.
  variable_list run(const variable_list& tensors) const {
    Parameters parameters;
    for (size_t i = 0; i < weights.size(); ++i) {
      parameters.share(weights[i], tensors[taken.size() + i]);
    }
    const NamedTensors no_inputs;  // those of the graph are among the taken
    GraphRun run(*graph, parameters, no_inputs);
    for (size_t i = 0; i < taken.size(); ++i) run.value(taken[i]) = tensors[i];
    for (size_t i = first; i < end; ++i) {
      if (!is_source(graph->nodes()[i])) run.run_node(graph->nodes()[i]);
    }
    variable_list results;
    for (const ValueId value : given) results.push_back(run.value(value));
    return results;
  }
};

/// Autograd sees a segment as one operation that keeps no more than its inputs.
class CheckpointedSegment : public torch::autograd::Function<CheckpointedSegment> {
 public:
  static variable_list forward(AutogradContext* context,
                               const std::shared_ptr<const Segment>& segment,
                               const at::TensorList& tensors) {
    context->saved_data["segment"] = c10::IValue::make_capsule(
        c10::make_intrusive<Holder>(segment, at::autocast::is_autocast_enabled(at::kCPU)));
    context->save_for_backward(tensors.vec());
    // A cast of a weight that was made here has no gradient: nobody else may have it.
    const bool cached = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_cache_enabled(false);
    variable_list results = segment->run(tensors.vec());
    at::autocast::set_autocast_cache_enabled(cached);
    return results;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto holder =
        c10::static_intrusive_pointer_cast<Holder>(context->saved_data["segment"].toCapsule());
    variable_list tensors, wanted;
    std::vector<size_t> places;
    for (const at::Tensor& saved : context->get_saved_variables()) {
      tensors.push_back(saved.detach().set_requires_grad(saved.requires_grad()));
      if (!saved.requires_grad()) continue;
      wanted.push_back(tensors.back());
      places.push_back(tensors.size());  // behind the segment itself
    }
    variable_list outputs, of_outputs;
    {
      const at::AutoGradMode with_gradients(true);
      const AutocastGuard autocast(holder->autocast);
      const variable_list results = holder->segment->run(tensors);
      for (size_t i = 0; i < results.size(); ++i) {
        if (!gradients[i].defined() || !results[i].requires_grad()) continue;
        outputs.push_back(results[i]);
        of_outputs.push_back(gradients[i]);
      }
    }
    variable_list all(tensors.size() + 1);
    if (outputs.empty()) return all;
    const variable_list found =
        torch::autograd::grad(outputs, wanted, of_outputs, std::nullopt, false, true);
    for (size_t i = 0; i < places.size(); ++i) all[places[i]] = found[i];
    return all;
  }

 private:
  struct Holder : torch::CustomClassHolder {
    Holder(std::shared_ptr<const Segment> segment_in, bool autocast_in)
        : segment(std::move(segment_in)), autocast(autocast_in) {}
    std::shared_ptr<const Segment> segment;
    bool autocast;
  };
};

/// What a segment reads and leaves. wanted: values that are asked for at the end.
void connect(Segment& segment, const std::set<ValueId>& wanted) {
  const auto& nodes = segment.graph->nodes();
  std::set<ValueId> made, taken;
  std::set<std::string> names;
  for (size_t i = segment.first; i < segment.end; ++i) {
    if (is_source(nodes[i])) continue;
    made.insert(nodes[i].output);
    if (nodes[i].op == graph::OpKind::weight) {
      const auto& tensors = nodes[i].as<graph::WeightAttrs>().tensors;
      names.insert(tensors.begin(), tensors.end());
    }
    for (const ValueId input : nodes[i].inputs) {
      if (input != graph::kNoValue && !made.contains(input)) taken.insert(input);
    }
  }
  std::set<ValueId> given;
  for (const ValueId value : made) {
    if (wanted.contains(value)) given.insert(value);
  }
  for (size_t i = segment.end; i < nodes.size(); ++i) {
    for (const ValueId input : nodes[i].inputs) {
      if (made.contains(input)) given.insert(input);
    }
  }
  segment.taken.assign(taken.begin(), taken.end());
  segment.given.assign(given.begin(), given.end());
  segment.weights.assign(names.begin(), names.end());
}

/// About sqrt(n) segments whose values take about the same memory.
std::vector<Segment> segments_of(const graph::Graph& graph, const std::set<ValueId>& wanted) {
  const auto& nodes = graph.nodes();
  int64_t elements = 0;
  for (const graph::Node& node : nodes) {
    if (node.op != graph::OpKind::weight) elements += graph.value(node.output).shape.elements();
  }
  const double share = static_cast<double>(elements) / std::sqrt(static_cast<double>(nodes.size()));
  std::vector<Segment> segments;
  double filled = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (segments.empty() || filled >= share) {
      segments.push_back({.graph = &graph, .first = i, .end = i});
      filled = 0;
    }
    segments.back().end = i + 1;
    if (nodes[i].op == graph::OpKind::weight) continue;
    filled += static_cast<double>(graph.value(nodes[i].output).shape.elements());
  }
  for (Segment& segment : segments) connect(segment, wanted);
  return segments;
}

}  // namespace

NamedTensors run_graph_checkpointed(const graph::Graph& graph, const Parameters& parameters,
                                    const NamedTensors& inputs,
                                    const std::vector<std::string>& taps) {
  const std::map<std::string, ValueId> wanted = wanted_values(graph, taps);
  std::set<ValueId> kept;
  for (const auto& [name, value] : wanted) kept.insert(value);
  GraphRun run(graph, parameters, inputs);
  for (const graph::Node& node : graph.nodes()) {
    if (is_source(node)) run.run_node(node);
  }
  for (Segment& segment : segments_of(graph, kept)) {
    variable_list tensors;
    for (const ValueId value : segment.taken) tensors.push_back(run.value(value));
    for (const std::string& name : segment.weights) tensors.push_back(parameters.at(name));
    const std::vector<ValueId> given = segment.given;
    const variable_list results = CheckpointedSegment::apply(
        std::make_shared<const Segment>(std::move(segment)), at::TensorList(tensors));
    for (size_t i = 0; i < given.size(); ++i) run.value(given[i]) = results[i];
  }
  NamedTensors results;
  for (const auto& [name, value] : wanted) results[name] = run.value(value);
  return results;
}

}  // namespace edgefusion::train
