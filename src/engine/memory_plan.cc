#include "engine/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "core/arena.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::OpKind;
using graph::ValueId;

bool lives_in_arena(OpKind op) { return op != OpKind::weight && op != OpKind::constant; }

/// Ops whose kernel reads element i of its first input before it writes element i of its output,
/// and reads it never again.
bool may_overwrite_first_input(const Node& node) {
  switch (node.op) {
    case OpKind::activation:
    case OpKind::add:
    case OpKind::mul:
    case OpKind::affine:
    case OpKind::layer_norm:
      return true;
    case OpKind::group_norm:  // of two sources: its output is wider than either
      return node.input(graph::NormSlots::x2) == kNoValue;
    default:
      return false;
  }
}

/// The group each node runs in; null: by itself.
std::vector<const BandGroup*> groups_of_nodes(const Graph& graph,
                                              std::span<const BandGroup> groups) {
  std::vector<const BandGroup*> of_node(graph.nodes().size(), nullptr);
  for (const BandGroup& group : groups) {
    for (const BandNode& node : group.nodes) of_node[static_cast<size_t>(node.node)] = &group;
  }
  return of_node;
}

/// Step of the last use of each value; the step count for outputs and held inputs.
std::vector<int> last_uses(const Graph& graph, std::span<const ValueId> held,
                           const std::vector<const BandGroup*>& group_of_node) {
  std::vector<int> last(graph.values().size(), -1);
  const auto nodes = graph.nodes();
  for (size_t step = 0; step < nodes.size(); ++step) {
    const BandGroup* group = group_of_node[step];
    const int done = group == nullptr ? static_cast<int>(step) : group->last_node();
    for (const ValueId input : nodes[step].inputs) {
      if (input == kNoValue) continue;
      int& last_of_input = last[static_cast<size_t>(input)];
      last_of_input = std::max(last_of_input, done);
    }
  }
  for (const std::span<const ValueId> kept : {graph.outputs(), held}) {
    for (const ValueId value : kept)
      last[static_cast<size_t>(value)] = static_cast<int>(nodes.size());
  }
  return last;
}

class Planner {
 public:
  Planner(const Graph& graph, std::span<const ValueId> held, std::span<const BandGroup> groups)
      : graph_(graph),
        group_of_node_(groups_of_nodes(graph, groups)),
        last_use_(last_uses(graph, held, group_of_node_)) {
    plan_.buffer_of_value.assign(graph.values().size(), -1);
    plan_.state_of_value.assign(graph.values().size(), -1);
  }

  MemoryPlan run() && {
    const auto nodes = graph_.nodes();
    for (size_t step = 0; step < nodes.size(); ++step) {
      if (!lives_in_arena(nodes[step].op)) continue;
      const BandGroup* group = group_of_node_[step];
      if (group == nullptr) assign(nodes[step], static_cast<int>(step));
      if (group != nullptr && group->first_node() == static_cast<NodeId>(step))
        assign_group(*group);
    }
    Placement placement = place(plan_.buffers);
    plan_.offset_of_buffer = std::move(placement.offsets);
    plan_.arena_bytes = placement.total_bytes;
    plan_.peak_live_bytes = peak_live();
    return std::move(plan_);
  }

 private:
  void assign(const Node& node, int step) {
    const auto output = static_cast<size_t>(node.output);
    const int reused = reusable_buffer(node, step);
    const int buffer = reused >= 0 ? reused : static_cast<int>(plan_.buffers.size());
    if (reused < 0) {
      const bool is_input = node.op == OpKind::input;
      plan_.buffers.push_back({.bytes = storage_bytes(graph_.value(node.output)),
                               .first_step = is_input ? -1 : step,
                               .last_step = step});
    }
    plan_.buffer_of_value[output] = buffer;
    Lifetime& life = plan_.buffers[static_cast<size_t>(buffer)];
    life.last_step = std::max({life.last_step, step, last_use_[output]});
  }

  /// What a chain makes: whole pictures, windows, and what its group norms keep.
  void assign_group(const BandGroup& group) {
    for (size_t v = 0; v < group.values.size(); ++v) {
      const BandValue& value = group.values[v];
      if (!value.made_here) continue;
      const auto id = static_cast<size_t>(value.value);
      int& buffer = plan_.buffer_of_value[id];
      if (!value.whole) {
        buffer = add_buffer(group, value.window_bytes());
        continue;
      }
      buffer = overwritable_buffer(group, static_cast<int>(v));
      if (buffer < 0) buffer = add_buffer(group, storage_bytes(graph_.value(value.value)));
      int& last = plan_.buffers[static_cast<size_t>(buffer)].last_step;
      last = std::max(last, last_use_[id]);
    }
    for (const BandNode& made : group.nodes) {
      const Node& node = graph_.node(made.node);
      const int64_t bytes = line_state_bytes(graph_, node);
      if (bytes == 0) continue;
      plan_.state_of_value[static_cast<size_t>(node.output)] = add_buffer(group, bytes);
    }
  }

  /// Memory for the time a chain runs.
  int add_buffer(const BandGroup& group, int64_t bytes) {
    plan_.buffers.push_back({bytes, group.first_node(), group.last_node()});
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  /// The buffer of a picture that the chain reads and nobody after it, and that the chain is done
  /// with line by line before it writes the result there; -1: none.
  int overwritable_buffer(const BandGroup& group, int result) const {
    const auto buffer_of = [&](const BandValue& value) {
      return plan_.buffer_of_value[static_cast<size_t>(value.value)];
    };
    for (const BandValue& candidate : group.values) {
      const int buffer = candidate.made_here ? -1 : buffer_of(candidate);
      if (buffer < 0) continue;
      if (plan_.buffers[static_cast<size_t>(buffer)].last_step != group.last_node()) continue;
      bool is_free = true;
      for (size_t v = 0; v < group.values.size() && is_free; ++v) {
        const BandValue& value = group.values[v];
        if (buffer_of(value) != buffer) continue;
        is_free = !value.made_here && may_overwrite(graph_, group, result, static_cast<int>(v));
      }
      if (is_free) return buffer;
    }
    return -1;
  }

  int reusable_buffer(const Node& node, int step) const {
    if (node.inputs.empty() || node.inputs[0] == kNoValue) return -1;
    const int buffer = plan_.buffer_of_value[static_cast<size_t>(node.inputs[0])];
    if (buffer < 0) return -1;
    if (node.op == OpKind::reshape) return buffer;
    if (!may_overwrite_first_input(node)) return -1;
    const Lifetime& life = plan_.buffers[static_cast<size_t>(buffer)];
    const bool same_size = life.bytes == storage_bytes(graph_.value(node.output));
    // Also dead: every other value in that buffer (its lifetime is the longest of theirs), and the
    // buffer is not read through another operand of this node.
    const bool read_again =
        std::any_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId input) {
          return input != kNoValue && plan_.buffer_of_value[static_cast<size_t>(input)] == buffer;
        });
    return same_size && life.last_step == step && !read_again ? buffer : -1;
  }

  int64_t peak_live() const {
    std::vector<int64_t> change(graph_.nodes().size() + 3, 0);
    for (const Lifetime& life : plan_.buffers) {
      change[static_cast<size_t>(life.first_step + 1)] += life.bytes;
      change[static_cast<size_t>(life.last_step + 2)] -= life.bytes;
    }
    int64_t live = 0, peak = 0;
    for (const int64_t delta : change) peak = std::max(peak, live += delta);
    return peak;
  }

  const Graph& graph_;
  std::vector<const BandGroup*> group_of_node_;
  std::vector<int> last_use_;
  MemoryPlan plan_;
};

}  // namespace

int64_t storage_bytes(const graph::Value& value) {
  return value.shape.elements() * static_cast<int64_t>(size_of(value.dtype));
}

Placement place(const std::vector<Lifetime>& pieces) {
  std::vector<size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return pieces[a].bytes > pieces[b].bytes; });
  Placement result;
  result.offsets.assign(pieces.size(), 0);
  std::vector<size_t> placed;  // sorted by offset
  for (const size_t piece : order) {
    const Lifetime& life = pieces[piece];
    const auto bytes = static_cast<int64_t>(Arena::aligned(static_cast<size_t>(life.bytes)));
    int64_t offset = 0;
    for (const size_t other : placed) {
      const bool together =
          pieces[other].first_step <= life.last_step && life.first_step <= pieces[other].last_step;
      if (!together) continue;
      if (offset + bytes <= result.offsets[other]) break;  // fits before this one
      const auto other_bytes =
          static_cast<int64_t>(Arena::aligned(static_cast<size_t>(pieces[other].bytes)));
      offset = std::max(offset, result.offsets[other] + other_bytes);
    }
    result.offsets[piece] = offset;
    result.total_bytes = std::max(result.total_bytes, offset + bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](int64_t at, size_t other) { return at < result.offsets[other]; }),
        piece);
  }
  return result;
}

MemoryPlan plan_memory(const Graph& graph, std::span<const ValueId> held,
                       std::span<const BandGroup> groups) {
  return Planner(graph, held, groups).run();
}

}  // namespace edgefusion::engine
