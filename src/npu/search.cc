#include "npu/search.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "npu/group_shape.h"
#include "npu/group_signature.h"
#include "npu/refine.h"
#include "npu/tiling_choice.h"

namespace edgefusion::npu {
namespace {

constexpr size_t kFinalists = 8;         // plans that are simulated whole
constexpr size_t kFinalistsOfFew = 256;  // of few ops
constexpr OpId kFarAway = 16;            // ops between two uses: a skip connection's

/// A tensor that lies on the chip up to its user `until`.
struct Staying {
  TensorId tensor = kNoTensor;
  OpId until = -1;
  int64_t offset = 0;
  auto operator<=>(const Staying&) const = default;
};

/// A plan up to some op, as its last group and the plan before.
struct State {
  double cycles = 0;
  double credit = 0;  ///< what the tensors that stay will save, at most
  std::vector<Staying> staying;
  std::shared_ptr<const State> before;
  Group group;
  std::vector<Staying> made;  ///< of `staying`, what this group put there
};
using StatePtr = std::shared_ptr<const State>;

class Search {
 public:
  Search(const Device& device, const Work& work, const SearchOptions& options)
      : device_(device), work_(work), options_(options), plans_(work.ops.size() + 1) {}

  Result<Plan> run() {
    const auto count = static_cast<OpId>(work_.ops.size());
    plans_[0].push_back(std::make_shared<State>());
    for (OpId begin = 0; begin < count; ++begin) {
      keep_best(plans_[static_cast<size_t>(begin)]);
      for (const StatePtr& state : plans_[static_cast<size_t>(begin)]) extend(state, begin);
    }
    auto& ends = plans_.back();
    if (ends.empty()) return nothing_fits();
    std::ranges::stable_sort(ends, {}, [](const StatePtr& s) { return s->cycles; });
    ends.resize(std::min(ends.size(), options_.exhaustive ? kFinalistsOfFew : kFinalists));
    std::vector<Plan> plans;
    for (const StatePtr& end : ends) plans.push_back(plan_of(*end));
    Refined best = refine(device_, work_, plans, options_.exhaustive);
    EF_CHECK(best.found, work_.name + ": a plan that was chosen cannot be written down");
    return std::move(best.plan);
  }

 private:
  /// What was chosen for a group with up to `limit` bytes; it holds for any limit from `bytes` on.
  struct Chosen {
    OpId first = 0;  ///< of the group it was chosen for
    int64_t limit = 0, bytes = 0;
    std::optional<TilingChoice> choice;
  };

  bool continues_attention(OpId id) const;
  void extend(const StatePtr& state, OpId begin);
  void extend_to(const StatePtr& state, const GroupShape& shape);
  std::vector<std::vector<OpId>> stays_of(const NpuTensor& tensor, OpId end) const;
  std::optional<int64_t> place_above(const std::vector<Staying>& staying, int64_t bytes) const;
  std::optional<TilingChoice> choose(const GroupShape& shape, const std::vector<Staying>& staying,
                                     const std::vector<Staying>& made);
  bool takes_part(const GroupShape& shape, TensorId tensor) const;
  bool is_stored(const Staying& tensor) const;
  void keep_best(std::vector<StatePtr>& states) const;
  Plan plan_of(const State& last) const;
  tl::unexpected<Error> nothing_fits();
  const std::optional<GroupShape>& shape_of(OpId begin, OpId end);
  double credit_of(const std::vector<Staying>& staying) const;

  const Device& device_;
  const Work& work_;
  const SearchOptions& options_;
  std::vector<std::vector<StatePtr>> plans_;  ///< by the op that comes next
  std::map<std::pair<OpId, OpId>, std::optional<GroupShape>> shapes_;
  std::map<std::vector<int64_t>, std::vector<Chosen>> choices_;  ///< by group_signature()
};

const std::optional<GroupShape>& Search::shape_of(OpId begin, OpId end) {
  const auto known = shapes_.find({begin, end});
  if (known != shapes_.end()) return known->second;
  return shapes_.emplace(std::pair(begin, end), group_shape(work_, begin, end)).first->second;
}

bool Search::continues_attention(OpId id) const {
  return work_.op(id).kind == OpKind::softmax || work_.op(id).kind == OpKind::mix;
}

void Search::extend(const StatePtr& state, OpId begin) {
  const auto count = static_cast<OpId>(work_.ops.size());
  for (OpId end = begin + 1; end <= std::min(count, begin + options_.longest_group); ++end) {
    // An attention in three groups sends its scores to DRAM: only if asked to, or nothing else
    // fits.
    const bool cuts = (end < count && continues_attention(end)) || continues_attention(begin);
    const bool may_cut = options_.attention_rows > 0 || options_.exhaustive;
    if (cuts && (end - begin > 1 || !may_cut)) continue;
    const std::optional<GroupShape>& shape = shape_of(begin, end);
    if (!shape) {
      if (work_.op(end - 1).on_host) return;
      continue;
    }
    extend_to(state, *shape);
  }
}

/// Up to which user a tensor may stay: not at all, to the last, or to the last one nearby. As lists
/// of one, empty for not at all.
std::vector<std::vector<OpId>> Search::stays_of(const NpuTensor& tensor, OpId end) const {
  std::vector<OpId> users;
  for (const OpId user : tensor.users) {
    if (user >= end && !work_.op(user).on_host) users.push_back(user);
  }
  std::vector<std::vector<OpId>> choices;
  if (!users.empty()) choices.push_back({users.back()});
  for (size_t i = users.size(); i-- > 1;) {
    if (options_.exhaustive || users[i] - users[i - 1] > kFarAway)
      choices.push_back({users[i - 1]});
  }
  const bool is_small = tensor.bytes() <= device_.memory.bank_bytes() / 4;
  if (choices.empty() || !is_small || options_.exhaustive) choices.emplace_back();
  return choices;
}

/// The highest place that is free above all that groups use for themselves.
std::optional<int64_t> Search::place_above(const std::vector<Staying>& staying,
                                           int64_t bytes) const {
  const auto floor = [&](int64_t value) {
    return value / device_.memory.alignment * device_.memory.alignment;
  };
  int64_t offset = floor(device_.memory.bytes - bytes);
  std::vector<Staying> by_offset = staying;
  std::ranges::sort(by_offset, std::greater{}, &Staying::offset);
  for (const Staying& other : by_offset) {
    const int64_t other_end = other.offset + work_.tensor(other.tensor).bytes();
    if (other_end <= offset) break;
    offset = std::min(offset, floor(other.offset - bytes));
  }
  if (offset < 0) return std::nullopt;
  return offset;
}

double Search::credit_of(const std::vector<Staying>& staying) const {
  double bytes = 0;
  for (const Staying& tensor : staying) {
    bytes += static_cast<double>(work_.tensor(tensor.tensor).bytes());
  }
  return bytes / device_.dma.bytes_per_cycle;
}

void Search::extend_to(const StatePtr& state, const GroupShape& shape) {
  // Every combination of what may stay of the group's results.
  struct Choice {
    std::vector<Staying> made;
  };
  std::vector<Choice> choices = {{}};
  for (const GroupTensor& tensor : shape.tensors) {
    if (!tensor.leaves || shape.on_host) continue;
    std::vector<Choice> wider;
    for (const Choice& choice : choices) {
      for (const auto& until : stays_of(work_.tensor(tensor.tensor), shape.end)) {
        Choice next = choice;
        if (!until.empty()) {
          std::vector<Staying> all = state->staying;
          all.insert(all.end(), next.made.begin(), next.made.end());
          const auto offset = place_above(all, work_.tensor(tensor.tensor).bytes());
          if (!offset) continue;
          next.made.push_back({tensor.tensor, until.front(), *offset});
        }
        wider.push_back(std::move(next));
      }
    }
    choices = std::move(wider);
  }
  for (const Choice& choice : choices) {
    const std::optional<TilingChoice> tiling = choose(shape, state->staying, choice.made);
    if (!tiling) continue;
    auto next = std::make_shared<State>();
    next->cycles = state->cycles + tiling->cycles;
    next->before = state;
    next->group = {shape.first, shape.end, tiling->tiling};
    next->made = choice.made;
    for (const auto* list : {&state->staying, &choice.made}) {
      for (const Staying& tensor : *list) {
        if (tensor.until >= shape.end) next->staying.push_back(tensor);
      }
    }
    std::ranges::sort(next->staying);
    next->credit = credit_of(next->staying);
    plans_[static_cast<size_t>(shape.end)].push_back(std::move(next));
  }
}

bool Search::takes_part(const GroupShape& shape, TensorId tensor) const {
  if (shape.find(tensor) != nullptr) return true;
  for (OpId id = shape.first; id < shape.end; ++id) {
    if (std::ranges::count(work_.op(id).operands, tensor, &Operand::tensor) != 0) return true;
  }
  return false;
}

bool Search::is_stored(const Staying& tensor) const {
  const NpuTensor& what = work_.tensor(tensor.tensor);
  return what.is_output || std::ranges::any_of(what.users, [&](OpId user) {
           return user > tensor.until || work_.op(user).on_host;
         });
}

/// The choice of a group of the same signature that begins `by` ops before.
std::optional<TilingChoice> shifted(std::optional<TilingChoice> choice, OpId by) {
  if (choice) {
    for (OpId& held : choice->tiling.held) held += by;
  }
  return choice;
}

std::optional<TilingChoice> Search::choose(const GroupShape& shape,
                                           const std::vector<Staying>& staying,
                                           const std::vector<Staying>& made) {
  GroupPlace place;
  place.memory_limit = device_.memory.bytes;
  for (const auto* list : {&staying, &made}) {
    for (const Staying& tensor : *list) {
      place.memory_limit = std::min(place.memory_limit, tensor.offset);
      if (!takes_part(shape, tensor.tensor)) continue;
      const NpuTensor& what = work_.tensor(tensor.tensor);
      const bool stored = is_stored(tensor);
      place.residents.push_back(
          {tensor.tensor, static_cast<int>(place.resident_slots.size()), stored});
      place.resident_slots.push_back({.label = what.name,
                                      .bytes = what.bytes(),
                                      .offset = tensor.offset,
                                      .first_group = 0,
                                      .last_group = 0,
                                      .first_step = 0,
                                      .last_step = 0,
                                      .streamed = false});
    }
  }
  const int64_t bank = device_.memory.bank_bytes();
  place.memory_limit = place.memory_limit / bank * bank;
  std::vector<Chosen>& known = choices_[group_signature(work_, shape, place.residents)];
  for (const Chosen& chosen : known) {
    if (place.memory_limit <= chosen.limit && place.memory_limit >= chosen.bytes) {
      return shifted(chosen.choice, shape.first - chosen.first);
    }
  }
  const auto choice =
      choose_tiling(device_, work_, shape, place,
                    {.all = options_.exhaustive, .attention_rows = options_.attention_rows});
  known.push_back({shape.first, place.memory_limit, choice ? choice->bytes : 0, choice});
  return choice;
}

/// Of plans that leave the same on the chip the fastest; of these the most promising.
void Search::keep_best(std::vector<StatePtr>& states) const {
  std::map<std::vector<Staying>, StatePtr> best;
  for (const StatePtr& state : states) {
    StatePtr& kept = best[state->staying];
    if (kept == nullptr || state->cycles < kept->cycles) kept = state;
  }
  states.clear();
  for (auto& [staying, state] : best) states.push_back(std::move(state));
  if (options_.exhaustive) return;
  std::ranges::sort(states, {}, [](const StatePtr& s) { return s->cycles - s->credit; });
  if (states.size() <= options_.beam) return;
  // The fastest so far stays too, whatever it promises.
  const auto fastest =
      std::ranges::min_element(states, {}, [](const StatePtr& s) { return s->cycles; });
  std::swap(states[options_.beam - 1],
            *std::max(fastest, states.begin() + static_cast<std::ptrdiff_t>(options_.beam) - 1));
  states.resize(options_.beam);
}

Plan Search::plan_of(const State& last) const {
  std::vector<const State*> chain;
  for (const State* state = &last; state->before != nullptr; state = state->before.get()) {
    chain.push_back(state);
  }
  std::ranges::reverse(chain);
  Plan plan;
  for (const State* state : chain) {
    for (const Staying& tensor : state->made) {
      plan.residences.push_back({.tensor = tensor.tensor,
                                 .first_group = static_cast<int>(plan.groups.size()),
                                 .last_group = tensor.until,  // an op yet
                                 .offset = tensor.offset});
    }
    plan.groups.push_back(state->group);
  }
  for (Residence& residence : plan.residences) {
    const auto group = std::ranges::find_if(
        plan.groups, [&](const Group& g) { return residence.last_group < g.end; });
    residence.last_group = static_cast<int>(group - plan.groups.begin());
  }
  return plan;
}

tl::unexpected<Error> Search::nothing_fits() {
  size_t reached = 0;
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (!plans_[i].empty()) reached = i;
  }
  return no_tiling_fits(device_, work_, static_cast<OpId>(reached));
}

}  // namespace

namespace {

/// Few enough ops and places to look at everything.
bool is_small(const Work& work) {
  constexpr size_t kFewOps = 8;
  constexpr int64_t kFewPlaces = 64;
  return work.ops.size() <= kFewOps && std::ranges::all_of(work.ops, [&](const Op& op) {
           return work.tensor(op.output).box().places() <= kFewPlaces;
         });
}

}  // namespace

Result<Plan> search(const Device& device, const Work& work, const SearchOptions& given) {
  SearchOptions options = given;
  options.exhaustive = options.exhaustive || is_small(work);
  return Search(device, work, options).run();
}

}  // namespace edgefusion::npu
