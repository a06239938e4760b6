#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"
#include "graph/op.h"

namespace edgefusion::graph {

using ValueId = int32_t;
using NodeId = int32_t;
constexpr ValueId kNoValue = -1;

/// One tensor of the computation. Every value has exactly one producer.
struct Value {
  /// Stable: the module path of diffusers where one exists ("down_blocks.0.resnets.0.conv1"),
  /// unique within the graph.
  std::string name;
  Shape shape;
  DType dtype = DType::f32;  ///< f32 for activations (the engine decides storage), i32 for ids
  NodeId producer = -1;
  /// Other modules whose output it is too: "up_blocks.2.attentions.1" beside "up_blocks.2".
  std::vector<std::string> aliases = {};
  std::shared_ptr<const U8Format> u8 = nullptr;  ///< of values stored as u8
};

struct Node {
  OpKind op = OpKind::input;
  Attrs attrs;
  std::vector<ValueId> inputs;  ///< by slot; kNoValue where an optional input is absent
  ValueId output = kNoValue;

  template <typename T>
  const T& as() const {
    return std::get<T>(attrs);
  }
  template <typename T>
  T& as() {
    return std::get<T>(attrs);
  }
  ValueId input(size_t slot) const { return slot < inputs.size() ? inputs[slot] : kNoValue; }
};

/// A network at fixed sizes: nodes in an order in which they can run. Made by GraphBuilder,
/// changed by passes, read by engine, profiler, planner, exporter and trainer.
class Graph {
 public:
  explicit Graph(std::string name = {}) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const Value> values() const { return values_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  Node& node(NodeId id) { return nodes_[static_cast<size_t>(id)]; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  const Node& producer(ValueId id) const { return node(value(id).producer); }

  /// Values the caller gives, and values the caller gets; both by name, in declared order.
  std::span<const ValueId> inputs() const { return inputs_; }
  std::span<const ValueId> outputs() const { return outputs_; }
  bool is_output(ValueId id) const;

  /// The value of that name or alias, or kNoValue.
  ValueId find(std::string_view name) const;

  /// Appends a node whose inputs exist already; its output shape comes from the caller.
  ValueId add(OpKind op, Attrs attrs, std::vector<ValueId> inputs, Value output);
  void add_input(ValueId id) { inputs_.push_back(id); }
  void add_output(ValueId id) { outputs_.push_back(id); }

  /// Users of each value: node ids in order, indexed by value id. A node that takes the value in
  /// several slots is named once per slot.
  std::vector<std::vector<NodeId>> uses() const;

  /// Makes every use of `from` (outputs included) a use of `to`.
  void replace_uses(ValueId from, ValueId to);

  /// Node `into` takes over the output value of `last`, a later node; `last` and the value `into`
  /// made before are left for eliminate_dead_nodes(), which must run before the graph is used.
  void absorb(NodeId into, NodeId last);

  /// Drops nodes no output depends on (inputs are kept) and renumbers.
  void eliminate_dead_nodes();

  /// One line per node, "name = op attributes (inputs) -> shape", "-" for an absent input, between
  /// a line with the graph's name and one with its outputs. For `inspect --graph` and tests.
  std::string dump() const;

 private:
  std::string name_;
  std::vector<Node> nodes_;
  std::vector<Value> values_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
};

/// What a layer is called in NetworkQuantization: the module of its first weight tensor
/// ("down_blocks.0.resnets.0.conv1"); empty for nodes that are no matrix layer of a weight file.
std::string layer_name(const Graph& graph, const Node& node);

/// Names a graph with its sizes, its names and attributes, for plans made of it: a hash of its
/// dump, 32 hex digits.
std::string graph_hash(const Graph& graph);

/// A conv2d or linear node is computed as `layer` says from now on.
void set_quantization(Node& node, QuantizationOf layer);

}  // namespace edgefusion::graph
