#include <algorithm>

#include "engine/bands.h"

namespace edgefusion::engine {
namespace {

int64_t round_up(int64_t lines, int64_t step) { return (lines + step - 1) / step * step; }

/// Plays the chain through, line counts alone. A node makes lines when somebody needs more than
/// there are; then as many as its step, so that low pictures are not made in slivers.
class Scheduler {
 public:
  Scheduler(const graph::Graph& graph, BandGroup& group)
      : graph_(graph), group_(group), first_line_(group.values.size(), 0) {
    for (const BandValue& value : group.values) made_.push_back(value.made_here ? 0 : value.height);
    users_.resize(group.values.size());
    for (size_t n = 0; n < group.nodes.size(); ++n) {
      const std::vector<int>& operands = group.nodes[n].operands;
      for (size_t slot = 0; slot < operands.size(); ++slot) {
        if (operands[slot] >= 0) users_[index(operands[slot])].push_back({n, slot});
      }
    }
  }

  void run() {
    int64_t bands = 1;
    for (const BandValue& value : group_.values) {
      if (is_result(value))
        bands = std::max(bands, round_up(value.height, value.step_lines) / value.step_lines);
    }
    group_.bands.clear();
    for (int64_t band = 0; band < bands; ++band) add_band(band + 1, bands);
  }

 private:
  struct User {
    size_t node, slot;
  };

  static size_t index(int i) { return static_cast<size_t>(i); }
  static bool is_result(const BandValue& value) { return value.made_here && value.whole; }

  const graph::Node& node(size_t n) const { return graph_.node(group_.nodes[n].node); }
  BandValue& result_of(size_t n) { return group_.values[index(group_.nodes[n].result)]; }

  /// After `done` of `bands` every result is made to that part.
  void add_band(int64_t done, int64_t bands) {
    std::vector<int64_t> wanted = made_;
    for (size_t v = 0; v < wanted.size(); ++v) {
      const BandValue& value = group_.values[v];
      if (is_result(value))
        wanted[v] = std::max(wanted[v], (value.height * done + bands - 1) / bands);
    }
    std::vector<Lines> makes(group_.nodes.size());
    for (size_t n = makes.size(); n-- > 0;) {
      makes[n] = lines_to_make(n, wanted[index(group_.nodes[n].result)]);
      if (makes[n].count() > 0) want_operands(n, makes[n], wanted);
    }
    Band band;
    for (size_t n = 0; n < makes.size(); ++n) {
      if (makes[n].count() == 0) continue;
      open_window(index(group_.nodes[n].result), makes[n].end, band);
      band.calls.push_back({static_cast<int>(n), makes[n]});
    }
    for (const BandCall& call : band.calls)
      made_[index(group_.nodes[index(call.node)].result)] = call.lines.end;
    group_.bands.push_back(std::move(band));
  }

  Lines lines_to_make(size_t n, int64_t wanted) {
    const int64_t made = made_[index(group_.nodes[n].result)];
    if (wanted <= made) return {made, made};
    const BandValue& result = result_of(n);
    const int64_t at_once = group_.nodes[n].lines_at_once;
    const int64_t end =
        std::max(round_up(wanted, at_once), made + round_up(result.step_lines, at_once));
    return {made, std::min(result.height, end)};
  }

  void want_operands(size_t n, Lines lines, std::vector<int64_t>& wanted) const {
    const std::vector<int>& operands = group_.nodes[n].operands;
    for (size_t slot = 0; slot < operands.size(); ++slot) {
      if (operands[slot] < 0) continue;
      int64_t& of_operand = wanted[index(operands[slot])];
      of_operand = std::max(of_operand, lines_read(graph_, node(n), slot, lines).end);
    }
  }

  /// The first line of a value that anybody still needs, before this band's calls.
  int64_t first_needed(size_t v) {
    int64_t first = made_[v];
    for (const User& user : users_[v]) {
      const int64_t next = made_[index(group_.nodes[user.node].result)];
      if (next == result_of(user.node).height) continue;
      first =
          std::min(first, lines_read(graph_, node(user.node), user.slot, {next, next + 1}).begin);
    }
    return first;
  }

  void open_window(size_t v, int64_t end, Band& band) {
    BandValue& value = group_.values[v];
    if (value.whole) return;
    const int64_t first = first_needed(v);
    if (first != first_line_[v]) {
      band.moves.push_back({static_cast<int>(v), first, made_[v] - first, first - first_line_[v]});
      first_line_[v] = first;
    }
    value.window_lines = std::max(value.window_lines, end - first);
  }

  const graph::Graph& graph_;
  BandGroup& group_;
  std::vector<int64_t> made_, first_line_;  // of each value
  std::vector<std::vector<User>> users_;
};

}  // namespace

void schedule_bands(const graph::Graph& graph, BandGroup& group) { Scheduler(graph, group).run(); }

}  // namespace edgefusion::engine
