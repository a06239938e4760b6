#include <algorithm>
#include <map>

#include "engine/bands.h"
#include "engine/lowering.h"
#include "engine/memory_plan.h"

namespace edgefusion::engine {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::OpKind;
using graph::ValueId;

/// Cuts the nodes of a graph into runs of neighbours that work line by line.
class ChainFinder {
 public:
  explicit ChainFinder(const Graph& graph) : graph_(graph), chain_of_(graph.values().size(), -1) {}

  std::vector<std::vector<NodeId>> run() && {
    for (size_t n = 0; n < graph_.nodes().size(); ++n) add(static_cast<NodeId>(n));
    close();
    return std::move(chains_);
  }

 private:
  void add(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.op == OpKind::input || node.op == OpKind::weight || node.op == OpKind::constant)
      return;
    if (!runs_by_lines(graph_, node)) return close();
    if (!fits(node)) close();
    chain_.push_back(id);
    chain_of_[static_cast<size_t>(node.output)] = static_cast<int>(chains_.size());
  }

  bool fits(const Node& node) const {
    if (chain_.empty()) return true;
    const Shape& first = graph_.value(graph_.node(chain_.front()).output).shape;
    if (first[0] != graph_.value(node.output).shape[0]) return false;
    return !needs_whole_operand(node) ||
           std::none_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
             return input != kNoValue &&
                    chain_of_[static_cast<size_t>(input)] == static_cast<int>(chains_.size());
           });
  }

  void close() {
    if (!chain_.empty()) chains_.push_back(std::move(chain_));
    chain_.clear();
  }

  const Graph& graph_;
  std::vector<int> chain_of_;  // of each value: where it is made
  std::vector<NodeId> chain_;
  std::vector<std::vector<NodeId>> chains_;
};

/// One chain as a group: its pictures, and which of them are whole.
class GroupMaker {
 public:
  GroupMaker(const Graph& graph, const std::vector<std::vector<NodeId>>& uses, IsaSet isa)
      : graph_(graph), uses_(uses), isa_(isa) {}

  BandGroup make(const std::vector<NodeId>& chain) {
    for (const NodeId id : chain) add(id);
    for (BandValue& value : group_.values) {
      value.whole = !value.made_here || used_outside(value.value, chain);
    }
    group_.batch = graph_.value(graph_.node(chain.front()).output).shape[0];
    return std::move(group_);
  }

 private:
  void add(NodeId id) {
    const Node& node = graph_.node(id);
    BandNode made = {.node = id, .lines_at_once = lines_at_once(graph_, node, isa_)};
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const bool is_picture = is_picture_operand(graph_, node, slot);
      made.operands.push_back(is_picture ? index_of(node.inputs[slot]) : -1);
    }
    made.result = index_of(node.output);
    group_.values[static_cast<size_t>(made.result)].made_here = true;
    group_.nodes.push_back(std::move(made));
  }

  int index_of(ValueId id) {
    const auto [found, is_new] = indices_.try_emplace(id, static_cast<int>(group_.values.size()));
    if (is_new) {
      const graph::Value& value = graph_.value(id);
      const int64_t height = value.shape[1];
      group_.values.push_back({.value = id,
                               .height = height,
                               .line_bytes = storage_bytes(value) / (value.shape[0] * height)});
    }
    return found->second;
  }

  bool used_outside(ValueId value, const std::vector<NodeId>& chain) const {
    if (graph_.is_output(value)) return true;
    return std::any_of(
        uses_[static_cast<size_t>(value)].begin(), uses_[static_cast<size_t>(value)].end(),
        [&](NodeId user) { return !std::binary_search(chain.begin(), chain.end(), user); });
  }

  const Graph& graph_;
  const std::vector<std::vector<NodeId>>& uses_;
  IsaSet isa_;
  BandGroup group_;
  std::map<ValueId, int> indices_;
};

int64_t width_of(const Graph& graph, const BandValue& value) {
  return graph.value(value.value).shape[2];
}

/// As many pixels of every picture at a time as `lines` lines of the widest one are.
void set_steps(const Graph& graph, BandGroup& group, int64_t lines) {
  int64_t widest = 1;
  for (const BandValue& value : group.values) widest = std::max(widest, width_of(graph, value));
  for (BandValue& value : group.values) {
    const int64_t same_pixels = lines * widest / width_of(graph, value);
    value.step_lines = std::clamp<int64_t>(same_pixels, 1, value.height);
  }
}

int64_t weight_bytes(const Graph& graph, const BandGroup& group) {
  int64_t bytes = 0;
  for (const BandNode& node : group.nodes) {
    for (const ValueId input : graph.node(node.node).inputs) {
      if (input == kNoValue || graph.producer(input).op != OpKind::weight) continue;
      bytes += storage_bytes(graph.value(input));
    }
  }
  return bytes;
}

/// Bytes of the pictures that windows would replace.
int64_t inner_bytes(const BandGroup& group) {
  int64_t bytes = 0;
  for (const BandValue& value : group.values) {
    if (!value.whole) bytes += group.batch * value.image_bytes();
  }
  return bytes;
}

/// Short pictures stay in cache anyway, and every band reads the weights again.
bool is_worth_it(const Graph& graph, const BandGroup& group, int64_t l2_bytes) {
  constexpr int64_t kCaches = 4, kTimesWeights = 2;
  const int64_t saved = inner_bytes(group);
  return saved >= kCaches * l2_bytes && saved >= kTimesWeights * weight_bytes(graph, group);
}

/// Without the nodes that come first and make pictures that stay in cache: low pictures before the
/// first enlarging ones. A window would save nothing, and whole pictures can share memory.
std::vector<NodeId> without_small_start(const Graph& graph, std::vector<NodeId> chain,
                                        int64_t l2_bytes) {
  constexpr int64_t kCaches = 2;
  const auto is_large = [&](NodeId id) {
    return storage_bytes(graph.value(graph.node(id).output)) > kCaches * l2_bytes;
  };
  chain.erase(chain.begin(), std::find_if(chain.begin(), chain.end(), is_large));
  return chain;
}

/// Lines of the widest picture of which a band has about half of L2; with several threads three
/// quarters of all their L2s: each reads all weights for every band, from the cache they share.
int64_t lines_for_cache(const BandGroup& group, int64_t l2_bytes, int threads) {
  const int64_t share = threads == 1 ? l2_bytes / 2 : l2_bytes * threads * 3 / 4;
  int64_t longest = 1;
  for (const BandValue& value : group.values) {
    if (!value.whole) longest = std::max(longest, value.line_bytes);
  }
  return std::clamp<int64_t>(share / longest, 4, 32);
}

}  // namespace

std::vector<BandGroup> find_bands(const Graph& graph, const BandOptions& options, IsaSet isa,
                                  int threads) {
  if (!options.enabled) return {};
  const auto uses = graph.uses();
  const int64_t l2_bytes = l2_cache_bytes();
  std::vector<BandGroup> groups;
  for (std::vector<NodeId>& chain : ChainFinder(graph).run()) {
    if (options.lines == 0) chain = without_small_start(graph, std::move(chain), l2_bytes);
    if (chain.empty()) continue;
    BandGroup group = GroupMaker(graph, uses, isa).make(chain);
    if (inner_bytes(group) == 0) continue;
    if (options.lines == 0 && !is_worth_it(graph, group, l2_bytes)) continue;
    set_steps(graph, group,
              options.lines > 0 ? options.lines : lines_for_cache(group, l2_bytes, threads));
    schedule_bands(graph, group);
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace edgefusion::engine
