#include "graph/graph.h"

#include <algorithm>
#include <utility>

#include "core/content_hash.h"
#include "core/result.h"
#include "graph/op_table.h"

namespace edgefusion::graph {
namespace {

std::string type_text(const Value& value) {
  const std::string shape = value.shape.to_string();
  return value.dtype == DType::f32 ? shape : std::string(to_string(value.dtype)) + shape;
}

void append_list(const Graph& graph, std::span<const ValueId> ids, std::string& text) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i != 0) text += ", ";
    text += ids[i] == kNoValue ? "-" : graph.value(ids[i]).name;
  }
}

}  // namespace

bool Graph::is_output(ValueId id) const {
  return std::ranges::find(outputs_, id) != outputs_.end();
}

ValueId Graph::find(std::string_view name) const {
  const auto found = std::ranges::find_if(values_, [name](const Value& value) {
    return value.name == name || std::ranges::find(value.aliases, name) != value.aliases.end();
  });
  return found == values_.end() ? kNoValue : static_cast<ValueId>(found - values_.begin());
}

ValueId Graph::add(OpKind op, Attrs attrs, std::vector<ValueId> inputs, Value output) {
  const auto id = static_cast<ValueId>(values_.size());
  for (const ValueId input : inputs) {
    EF_CHECK(input >= kNoValue && input < id,
             "input " + std::to_string(input) + " of " + output.name);
  }
  output.producer = static_cast<NodeId>(nodes_.size());
  values_.push_back(std::move(output));
  nodes_.push_back({op, std::move(attrs), std::move(inputs), id});
  return id;
}

std::vector<std::vector<NodeId>> Graph::uses() const {
  std::vector<std::vector<NodeId>> users(values_.size());
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (const ValueId input : nodes_[n].inputs) {
      if (input != kNoValue) users[static_cast<size_t>(input)].push_back(static_cast<NodeId>(n));
    }
  }
  return users;
}

void Graph::replace_uses(ValueId from, ValueId to) {
  for (Node& node : nodes_) std::ranges::replace(node.inputs, from, to);
  std::ranges::replace(outputs_, from, to);
}

void Graph::absorb(NodeId into, NodeId last) {
  Node& absorbed = node(last);
  value(node(into).output).producer = -1;
  node(into).output = std::exchange(absorbed.output, kNoValue);
  value(node(into).output).producer = into;
  absorbed.inputs.clear();
}

void Graph::eliminate_dead_nodes() {
  std::vector<bool> live(nodes_.size(), false);
  const auto mark = [&](ValueId id) {
    if (id != kNoValue) live[static_cast<size_t>(value(id).producer)] = true;
  };
  for (const ValueId id : outputs_) mark(id);
  for (const ValueId id : inputs_) mark(id);
  for (size_t n = nodes_.size(); n-- > 0;) {
    if (!live[n]) continue;
    for (const ValueId input : nodes_[n].inputs) mark(input);
  }

  std::vector<ValueId> renumbered(values_.size(), kNoValue);
  std::vector<Node> nodes;
  std::vector<Value> values;
  const auto renumber = [&](ValueId& id) {
    if (id != kNoValue) id = renumbered[static_cast<size_t>(id)];
  };
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (!live[n]) continue;
    Node& kept = nodes.emplace_back(std::move(nodes_[n]));
    std::ranges::for_each(kept.inputs, renumber);
    Value& output = values.emplace_back(std::move(value(kept.output)));
    output.producer = static_cast<NodeId>(nodes.size() - 1);
    renumbered[static_cast<size_t>(kept.output)] = static_cast<ValueId>(values.size() - 1);
    renumber(kept.output);
  }
  std::ranges::for_each(inputs_, renumber);
  std::ranges::for_each(outputs_, renumber);
  nodes_ = std::move(nodes);
  values_ = std::move(values);
}

std::string Graph::dump() const {
  std::string text = "graph " + name_ + "\n";
  for (const Node& node : nodes_) {
    if (node.output == kNoValue) continue;
    const OpInfo& info = op_info(node.op);
    const std::string attributes = info.describe(node.attrs);
    text += value(node.output).name + " = " + std::string(info.name);
    if (!attributes.empty()) text += " " + attributes;
    text += " (";
    append_list(*this, node.inputs, text);
    text += ") -> " + type_text(value(node.output)) + "\n";
  }
  text += "outputs ";
  append_list(*this, outputs_, text);
  return text + "\n";
}

std::string layer_name(const Graph& graph, const Node& node) {
  if (node.op != OpKind::conv2d && node.op != OpKind::linear) return {};
  const Node& weight = graph.producer(node.input(ConvSlots::weight));
  if (weight.op != OpKind::weight) return {};
  constexpr std::string_view kEnd = ".weight";
  const std::string& tensor = weight.as<WeightAttrs>().tensors.front();
  return tensor.ends_with(kEnd) ? tensor.substr(0, tensor.size() - kEnd.size()) : tensor;
}

std::string graph_hash(const Graph& graph) {
  ContentHasher hasher;
  hasher.add_text(graph.dump());
  return hasher.result().to_hex();
}

void set_quantization(Node& node, QuantizationOf layer) {
  if (node.op == OpKind::conv2d) {
    node.as<Conv2dAttrs>().quantization = std::move(layer);
  } else {
    EF_CHECK(node.op == OpKind::linear, "only matrix layers are quantised");
    node.as<LinearAttrs>().quantization = std::move(layer);
  }
}

}  // namespace edgefusion::graph
