#include <algorithm>
#include <array>

#include "graph/passes/passes.h"
#include "graph/passes/sole_user.h"

namespace edgefusion::graph {
namespace {

using Uses = std::vector<std::vector<NodeId>>;

constexpr std::array<size_t, 3> kOperands = {AttentionSlots::q, AttentionSlots::k,
                                             AttentionSlots::v};

// The weight file's tensors behind a slot; a value that others use too would be packed twice.
bool is_own_weight(const Graph& graph, const Uses& uses, ValueId value) {
  return graph.producer(value).op == OpKind::weight && uses[static_cast<size_t>(value)].size() == 1;
}

// Whether the operand is a projection nobody else sees: x times a matrix, plus a bias at most.
bool is_projection(const Graph& graph, const Uses& uses, ValueId operand) {
  const Node& node = graph.producer(operand);
  if (node.op != OpKind::linear || node.input(LinearSlots::residual) != kNoValue) return false;
  const Epilogue& epilogue = node.as<LinearAttrs>().epilogue;
  if (epilogue.activation != Activation::none || epilogue.geglu) return false;
  if (sole_user(graph, uses, operand, OpKind::attention) == -1) return false;
  const ValueId bias = node.input(LinearSlots::bias);
  return is_own_weight(graph, uses, node.input(LinearSlots::weight)) &&
         (bias == kNoValue || is_own_weight(graph, uses, bias));
}

bool can_share_a_matrix(const Node& a, const Node& b) {
  return a.input(LinearSlots::x) == b.input(LinearSlots::x) &&
         (a.input(LinearSlots::bias) == kNoValue) == (b.input(LinearSlots::bias) == kNoValue);
}

// The largest set of q, k, v whose projections can share a matrix, by slot; fewer than two: none.
std::vector<size_t> slots_to_merge(const Graph& graph, const Uses& uses, const Node& attention) {
  std::vector<size_t> best;
  for (const size_t first : kOperands) {
    if (!is_projection(graph, uses, attention.input(first))) continue;
    std::vector<size_t> slots;
    for (const size_t slot : kOperands) {
      const ValueId operand = attention.input(slot);
      if (is_projection(graph, uses, operand) &&
          can_share_a_matrix(graph.producer(attention.input(first)), graph.producer(operand))) {
        slots.push_back(slot);
      }
    }
    if (slots.size() > best.size()) best = slots;
  }
  return best.size() < 2 ? std::vector<size_t>{} : best;
}

// "attn1.to_q" and "attn1.to_k" -> "attn1.to_q+to_k".
void append_name(std::string& merged, const std::string& name) {
  const size_t module = name.rfind('.') + 1;  // 0 where there is no dot
  const bool same_module = module < merged.size() && merged.starts_with(name.substr(0, module));
  merged += "+" + (same_module ? name.substr(module) : name);
}

// Makes `into`, a value of the weight file, the rows of all `parts` one below the other.
void stack_weights(Graph& graph, ValueId into, const std::vector<ValueId>& parts,
                   std::string name) {
  std::vector<std::string> tensors;
  int64_t rows = 0;
  for (const ValueId part : parts) {
    const auto& names = graph.producer(part).as<WeightAttrs>().tensors;
    tensors.insert(tensors.end(), names.begin(), names.end());
    rows += graph.value(part).shape[0];
  }
  graph.node(graph.value(into).producer).as<WeightAttrs>().tensors = std::move(tensors);
  graph.value(into).shape.set(0, rows);
  graph.value(into).name = std::move(name);
  graph.value(into).aliases.clear();
}

// The values in `slot` of all the projections.
std::vector<ValueId> inputs_of(const Graph& graph, const std::vector<ValueId>& projections,
                               size_t slot) {
  std::vector<ValueId> inputs;
  inputs.reserve(projections.size());
  for (const ValueId value : projections) inputs.push_back(graph.producer(value).input(slot));
  return inputs;
}

// The projection that runs first becomes all of them: its weights stand before it, and x does too.
ValueId merge(Graph& graph, const std::vector<ValueId>& projections) {
  const ValueId merged = *std::ranges::min_element(
      projections, {}, [&](ValueId id) { return graph.value(id).producer; });
  std::string name = graph.value(projections.front()).name;
  int64_t width = 0;
  for (const ValueId value : projections) {
    if (value != projections.front()) append_name(name, graph.value(value).name);
    width += graph.value(value).shape[-1];
  }
  const Node& node = graph.producer(merged);
  const ValueId weight = node.input(LinearSlots::weight), bias = node.input(LinearSlots::bias);
  stack_weights(graph, weight, inputs_of(graph, projections, LinearSlots::weight),
                name + ".weight");
  if (bias != kNoValue) {
    stack_weights(graph, bias, inputs_of(graph, projections, LinearSlots::bias), name + ".bias");
  }
  Value& value = graph.value(merged);
  value.name = std::move(name);
  value.aliases.clear();
  value.shape.set(-1, width);
  return merged;
}

int64_t& begin_of(AttentionAttrs& attrs, size_t slot) {
  if (slot == AttentionSlots::q) return attrs.q_begin;
  return slot == AttentionSlots::k ? attrs.k_begin : attrs.v_begin;
}

void merge_operands(Graph& graph, Node& attention, const std::vector<size_t>& slots) {
  auto& attrs = attention.as<AttentionAttrs>();
  attrs.qk_width = attrs.width_of_qk(graph.value(attention.input(AttentionSlots::q)).shape);
  attrs.v_width = attrs.width_of_v(graph.value(attention.input(AttentionSlots::v)).shape);
  std::vector<ValueId> projections;
  int64_t column = 0;
  for (const size_t slot : slots) {
    projections.push_back(attention.input(slot));
    begin_of(attrs, slot) += column;
    column += graph.value(attention.input(slot)).shape[-1];
  }
  const ValueId merged = merge(graph, projections);
  for (const size_t slot : slots) attention.inputs[slot] = merged;
}

}  // namespace

int merge_projections(Graph& graph) {
  const Uses uses = graph.uses();
  int changed = 0;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    Node& attention = graph.node(static_cast<NodeId>(n));
    if (attention.op != OpKind::attention) continue;
    const std::vector<size_t> slots = slots_to_merge(graph, uses, attention);
    if (slots.empty()) continue;
    merge_operands(graph, attention, slots);
    changed += static_cast<int>(slots.size()) - 1;
  }
  if (changed != 0) graph.eliminate_dead_nodes();
  return changed;
}

}  // namespace edgefusion::graph
