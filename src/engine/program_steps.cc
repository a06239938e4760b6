#include "engine/program_steps.h"

#include <algorithm>

#include "engine/lower_lines.h"
#include "engine/matrix_shapes.h"
#include "graph/op_table.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::OpKind;
using graph::ValueId;

Step lower_node(const Node& node, LowerFunction lower, Lowering& lowering) {
  Step step = {.weights_begin = lowering.weights().offset()};
  lowering.begin(node);
  step.function = lower(lowering);
  step.weights_end = lowering.weights().offset();
  step.parts.push_back({node.output, step.weights_end - step.weights_begin});
  return step;
}

Step lower_chain(const Graph& graph, const BandGroup& group, Lowering& lowering) {
  std::vector<LineStep> lines;
  Step step = {.weights_begin = lowering.weights().offset()};
  for (const BandNode& member : group.nodes) {
    const Node& node = graph.node(member.node);
    const size_t before = lowering.weights().offset();
    lowering.begin(node);
    lines.push_back(lower_lines(lowering));
    step.parts.push_back({node.output, lowering.weights().offset() - before});
  }
  step.weights_end = lowering.weights().offset();
  if (!lowering.measuring()) {
    step.chain = std::make_shared<BandRun>(group, std::move(lines), lowering);
  }
  return step;
}

/// In what the products of a matrix op or an attention are multiplied.
Precision arithmetic_of(const Graph& graph, const Node& node) {
  const bool is_matrix = node.op == OpKind::conv2d || node.op == OpKind::linear;
  if (is_matrix && has_int8_activations(node)) return Precision::int8;
  if (node.op == OpKind::attention &&
      node.as<graph::AttentionAttrs>().scheme == graph::AttentionScheme::int8) {
    return Precision::int8;
  }
  if (!is_matrix && node.op != OpKind::attention) return Precision::f32;
  return graph.value(node.input(0)).dtype == DType::bf16 ? Precision::bf16 : Precision::f32;
}

/// What a node reads of values in the arena and of constants: each once, as it is stored.
int64_t activation_bytes(const Graph& graph, const Node& node) {
  std::vector<ValueId> inputs = node.inputs;
  std::ranges::sort(inputs);
  inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
  int64_t bytes = 0;
  for (const ValueId input : inputs) {
    if (input == kNoValue || graph.producer(input).op == OpKind::weight) continue;
    bytes += storage_bytes(graph.value(input));
  }
  return bytes;
}

StepInfo describe_part(const Graph& graph, const Step::Part& part) {
  const Node& node = graph.producer(part.output);
  const graph::Value& output = graph.value(part.output);
  StepInfo info = {.name = output.name, .op_class = graph::op_class(graph, node)};
  info.arithmetic = arithmetic_of(graph, node);
  info.macs = graph::node_cost(graph, node).macs;
  info.written_bytes = storage_bytes(output);
  info.weight_bytes = static_cast<int64_t>(part.weight_bytes);
  // Of an embedding only the rows that are asked for.
  if (node.op == OpKind::embedding) info.weight_bytes = info.written_bytes;
  info.read_bytes = activation_bytes(graph, node) + info.weight_bytes;
  return info;
}

}  // namespace

void Step::run(const RunContext& context, const StepClock* clock, size_t first_entry) const {
  if (chain != nullptr) return chain->run(context, clock, first_entry);
  const StepWatch watch(clock, first_entry);
  function(context);
}

std::vector<Step> lower_steps(const Graph& graph, const std::vector<BandGroup>& groups,
                              Lowering& lowering) {
  std::vector<Step> steps;
  auto group = groups.begin();
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    const Node& node = graph.node(id);
    const LowerFunction lower = lower_function(node.op);
    if (lower == nullptr) continue;
    if (group != groups.end() && id >= group->first_node()) {
      // The chain runs as one step in the place of its last node.
      if (id == group->last_node()) steps.push_back(lower_chain(graph, *group++, lowering));
      continue;
    }
    steps.push_back(lower_node(node, lower, lowering));
  }
  return steps;
}

std::vector<StepInfo> describe_steps(const Graph& graph, std::span<const Step> steps) {
  std::vector<StepInfo> infos;
  int chains = 0;
  for (const Step& step : steps) {
    for (const Step::Part& part : step.parts) {
      infos.push_back(describe_part(graph, part));
      if (step.chain != nullptr) infos.back().chain = chains;
    }
    if (step.chain != nullptr) ++chains;
  }
  return infos;
}

std::vector<PlannedBuffer> describe_buffers(const Graph& graph, const MemoryPlan& plan,
                                            std::span<const Step> steps) {
  std::vector<NodeId> nodes;  // of each entry, ascending
  for (const Step& step : steps) {
    for (const Step::Part& part : step.parts) nodes.push_back(graph.value(part.output).producer);
  }
  const auto entries = static_cast<int>(nodes.size());
  std::vector<PlannedBuffer> buffers;
  for (size_t i = 0; i < plan.buffers.size(); ++i) {
    const Lifetime& life = plan.buffers[i];
    const auto first = std::ranges::lower_bound(nodes, life.first_step) - nodes.begin();
    const auto end = std::ranges::upper_bound(nodes, life.last_step) - nodes.begin();
    // What a reshape alone needs lives between two entries: nobody sees it.
    buffers.push_back({.name = {},
                       .bytes = life.bytes,
                       .offset = plan.offset_of_buffer[i],
                       .first_step = std::min(static_cast<int>(first), entries - 1),
                       .last_step = std::max(static_cast<int>(end) - 1, 0)});
  }
  // Named after what is put there first; what a chain's norms keep comes after that.
  for (const auto& buffer_of : {plan.buffer_of_value, plan.state_of_value}) {
    for (size_t value = 0; value < buffer_of.size(); ++value) {
      if (buffer_of[value] < 0) continue;
      std::string& name = buffers[static_cast<size_t>(buffer_of[value])].name;
      if (name.empty()) name = graph.value(static_cast<ValueId>(value)).name;
    }
  }
  return buffers;
}

}  // namespace edgefusion::engine
