#include "onnx/split_groups.h"

#include <algorithm>
#include <set>
#include <utility>

namespace edgefusion::onnx {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::OpKind;
using graph::ValueId;

constexpr int kNone = -1;

bool is_source(OpKind op) {
  return op == OpKind::input || op == OpKind::weight || op == OpKind::constant;
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

/// Which group each node is in, by node.
class Assignment {
 public:
  Assignment(const Graph& graph, std::span<const NodeGroup> groups)
      : graph_(graph), groups_(groups), group_of_(graph.nodes().size(), kNone) {}

  Result<std::vector<int>> run() && {
    std::set<std::string> names;
    for (size_t g = 0; g < groups_.size(); ++g) {
      if (!names.insert(groups_[g].name).second) {
        return refuse("two groups are called " + groups_[g].name);
      }
      EF_TRY_STATUS(add_group(static_cast<int>(g)));
    }
    add_reshapes();
    EF_TRY_STATUS(check_complete());
    EF_TRY_STATUS(check_order());
    return std::move(group_of_);
  }

 private:
  int& group_of(ValueId value) {
    return group_of_[static_cast<size_t>(graph_.value(value).producer)];
  }
  const std::string& name_of(int group) const { return groups_[static_cast<size_t>(group)].name; }

  Status add_group(int g) {
    bool is_empty = true;
    for (const std::string& name : groups_[static_cast<size_t>(g)].nodes) {
      const ValueId value = graph_.find(name);
      if (value == kNoValue) {
        return refuse("group " + name_of(g) + ": network " + graph_.name() + " has no node " +
                      name);
      }
      if (is_source(graph_.producer(value).op)) continue;
      int& group = group_of(value);
      if (group != kNone) {
        return refuse("node " + name + " is in group " + name_of(group) + " and in " + name_of(g));
      }
      group = g;
      is_empty = false;
    }
    return is_empty ? refuse("group " + name_of(g) + " has no nodes") : Status{};
  }

  /// Forwards with their operands; those of inputs with their first user, found backwards.
  void add_reshapes() {
    const auto is_open = [&](const Node& node) {
      return node.op == OpKind::reshape && group_of(node.output) == kNone;
    };
    const auto nodes = graph_.nodes();
    for (const Node& node : nodes) {
      if (is_open(node)) group_of(node.output) = group_of(node.inputs[0]);
    }
    const auto uses = graph_.uses();
    for (size_t n = nodes.size(); n-- > 0;) {
      if (!is_open(nodes[n])) continue;
      const auto& users = uses[static_cast<size_t>(nodes[n].output)];
      if (!users.empty()) group_of_[n] = group_of_[static_cast<size_t>(users.front())];
    }
  }

  Status check_complete() {
    for (const Node& node : graph_.nodes()) {
      if (is_source(node.op) || group_of(node.output) != kNone) continue;
      return refuse("node " + graph_.value(node.output).name + " of network " + graph_.name() +
                    " is in no group");
    }
    return {};
  }

  Status check_order() {
    for (const Node& node : graph_.nodes()) {
      const int own = group_of(node.output);
      for (const ValueId input : node.inputs) {
        if (input == kNoValue || group_of(input) <= own) continue;
        return refuse("group " + name_of(own) + " reads " + graph_.value(input).name +
                      ", which the later group " + name_of(group_of(input)) + " makes");
      }
    }
    return {};
  }

  const Graph& graph_;
  std::span<const NodeGroup> groups_;
  std::vector<int> group_of_;
};

/// The graph of one group.
class GroupGraph {
 public:
  GroupGraph(const Graph& graph, const std::vector<int>& group_of, int group,
             const std::string& name)
      : graph_(graph),
        group_of_(group_of),
        group_(group),
        result_(graph.name() + "." + name),
        copies_(graph.values().size(), kNoValue) {}

  Graph run(const std::vector<std::vector<graph::NodeId>>& uses) && {
    add_inputs();
    for (const Node& node : graph_.nodes()) {
      if (!is_member(node.output)) continue;
      std::vector<ValueId> inputs;
      for (const ValueId input : node.inputs) inputs.push_back(copy_of(input));
      copies_[static_cast<size_t>(node.output)] =
          result_.add(node.op, node.attrs, std::move(inputs), graph_.value(node.output));
    }
    for (const Node& node : graph_.nodes()) {
      if (is_member(node.output) && leaves(node.output, uses)) {
        result_.add_output(copies_[static_cast<size_t>(node.output)]);
      }
    }
    return std::move(result_);
  }

 private:
  bool is_member(ValueId value) const {
    return group_of_[static_cast<size_t>(graph_.value(value).producer)] == group_;
  }

  /// Values from outside, in the order of the network.
  void add_inputs() {
    std::set<ValueId> read;
    for (const Node& node : graph_.nodes()) {
      if (!is_member(node.output)) continue;
      for (const ValueId input : node.inputs) {
        if (input == kNoValue || is_member(input)) continue;
        const OpKind op = graph_.producer(input).op;
        if (op != OpKind::weight && op != OpKind::constant) read.insert(input);
      }
    }
    for (const ValueId value : read) {
      const ValueId input =
          result_.add(OpKind::input, graph::InputAttrs{}, {}, graph_.value(value));
      result_.add_input(input);
      copies_[static_cast<size_t>(value)] = input;
    }
  }

  ValueId copy_of(ValueId value) {
    if (value == kNoValue) return kNoValue;
    ValueId& copy = copies_[static_cast<size_t>(value)];
    if (copy == kNoValue) {
      const Node& source = graph_.producer(value);
      copy = result_.add(source.op, source.attrs, {}, graph_.value(value));
    }
    return copy;
  }

  bool leaves(ValueId value, const std::vector<std::vector<graph::NodeId>>& uses) const {
    if (graph_.is_output(value)) return true;
    const auto& users = uses[static_cast<size_t>(value)];
    return std::ranges::any_of(
        users, [&](graph::NodeId user) { return group_of_[static_cast<size_t>(user)] != group_; });
  }

  const Graph& graph_;
  const std::vector<int>& group_of_;
  int group_;
  Graph result_;
  std::vector<ValueId> copies_;
};

}  // namespace

Result<std::vector<Graph>> split_into_groups(const Graph& graph,
                                             std::span<const NodeGroup> groups) {
  EF_TRY(const std::vector<int> group_of, Assignment(graph, groups).run());
  const auto uses = graph.uses();
  std::vector<Graph> parts;
  for (size_t g = 0; g < groups.size(); ++g) {
    parts.push_back(GroupGraph(graph, group_of, static_cast<int>(g), groups[g].name).run(uses));
  }
  return parts;
}

}  // namespace edgefusion::onnx
