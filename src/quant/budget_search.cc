#include "quant/budget_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>

#include "core/result.h"

namespace edgefusion::quant {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Layers = std::vector<std::vector<SearchCosts>>;

struct Multipliers {
  double of[2] = {0, 0};

  double priced(const SearchCosts& costs) const {
    return costs.objective + of[0] * costs.share[0] + of[1] * costs.share[1];
  }
  /// What the limits give back, and the rounding of sums in which prices are large.
  double of_limits() const {
    constexpr double kRounding = 1e-12;
    return (of[0] + of[1]) * (1 + kLimitSlack + kRounding);
  }
};

SearchCosts operator+(SearchCosts a, const SearchCosts& b) {
  a.objective += b.objective;
  a.share[0] += b.share[0];
  a.share[1] += b.share[1];
  return a;
}

size_t cheapest_option(const std::vector<SearchCosts>& layer, const Multipliers& prices) {
  size_t cheapest = 0;
  for (size_t i = 1; i < layer.size(); ++i) {
    if (prices.priced(layer[i]) < prices.priced(layer[cheapest])) cheapest = i;
  }
  return cheapest;
}

bool within(const SearchCosts& totals) {
  return totals.share[0] <= 1 + kLimitSlack && totals.share[1] <= 1 + kLimitSlack;
}

/// The dual problem: a price on each share, so high that the choice that is best at these prices
/// just keeps the limits. Concave in the prices, so both are found by halving.
class LagrangeBound {
 public:
  explicit LagrangeBound(const Layers& layers) : layers_(layers) {
    for (const auto& layer : layers) {
      double most = 0;
      for (const SearchCosts& option : layer) most = std::max(most, option.objective);
      unit_ += most;
    }
    if (unit_ == 0) unit_ = 1;
  }

  void run() {
    const bool second = std::ranges::any_of(layers_, [](const auto& layer) {
      return std::ranges::any_of(layer, [](const SearchCosts& x) { return x.share[1] > 0; });
    });
    if (!second) {
      best_first_price(0);
      return;
    }
    halve([&](double price) { return best_first_price(price).share[1] > 1; });
  }

  double bound = -kInfinity;  ///< on the objective of every choice within the limits
  Multipliers at_bound;
  double best = kInfinity;  ///< objective of the best choice met
  std::vector<size_t> options;

 private:
  /// Prices 0 and unit * 2^-30 to 2^30; `too_low` says whether a share is still exceeded.
  template <typename TooLow>
  void halve(const TooLow& too_low) {
    if (!too_low(0.0)) return;
    double low = -30, high = 30;
    constexpr int kHalvings = 40;
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = (low + high) / 2;
      (too_low(unit_ * std::exp2(middle)) ? low : high) = middle;
    }
  }

  /// Totals at the best first price with that second one.
  SearchCosts best_first_price(double second) {
    SearchCosts totals;
    halve([&](double first) {
      totals = evaluate({{first, second}});
      return totals.share[0] > 1;
    });
    return totals;
  }

  SearchCosts evaluate(const Multipliers& prices) {
    SearchCosts totals;
    std::vector<size_t> chosen;
    for (const auto& layer : layers_) {
      chosen.push_back(cheapest_option(layer, prices));
      totals = totals + layer[chosen.back()];
    }
    const double value = prices.priced(totals) - prices.of_limits();
    if (value > bound) {
      bound = value;
      at_bound = prices;
    }
    if (within(totals)) consider(std::move(chosen), totals);
    return totals;
  }

  /// Takes single changes that lower the objective as long as there are any.
  void consider(std::vector<size_t> chosen, SearchCosts totals) {
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 0; i < layers_.size(); ++i) {
        for (size_t option = 0; option < layers_[i].size(); ++option) {
          const SearchCosts& from = layers_[i][chosen[i]];
          const SearchCosts& to = layers_[i][option];
          if (!(to.objective < from.objective)) continue;
          SearchCosts next = totals + to;
          next.objective -= from.objective;
          next.share[0] -= from.share[0];
          next.share[1] -= from.share[1];
          if (!within(next)) continue;
          totals = next;
          chosen[i] = option;
          changed = true;
        }
      }
    }
    if (totals.objective >= best) return;
    best = totals.objective;
    options = std::move(chosen);
  }

  const Layers& layers_;
  double unit_ = 0;
};

/// A choice of options for the first layers.
struct State {
  SearchCosts totals;
  double bound = 0;     // on the objective of whatever it becomes
  uint32_t parent = 0;  // index among the states of the layer before
  uint32_t option = 0;
};

/// What the layers not yet chosen become at some prices: a quick end for any partial choice.
struct Completion {
  std::vector<size_t> options;     // of each layer, in the order of the search
  std::vector<SearchCosts> rests;  // sums from each layer on
};

/// Lower bounds of the layers not yet chosen.
struct Rest {
  double priced = 0;  // sum of the least
  double share[2] = {0, 0};
};

class LayerByLayer {
 public:
  LayerByLayer(const Layers& layers, const LagrangeBound& lagrange, size_t most_states)
      : layers_(layers),
        lagrange_(lagrange),
        most_states_(most_states),
        best_(lagrange.best),
        options_(lagrange.options) {
    options_.resize(layers.size());
    sort_layers();
    add_completions();
    rest_.resize(layers.size() + 1);
    for (size_t i = layers.size(); i-- > 0;) {
      const auto& layer = layers[order_[i]];
      const auto least = [&](auto value) {
        double smallest = kInfinity;
        for (const SearchCosts& x : layer) smallest = std::min(smallest, value(x));
        return smallest;
      };
      rest_[i].priced =
          rest_[i + 1].priced + least([&](const auto& x) { return lagrange.at_bound.priced(x); });
      for (int d = 0; d < 2; ++d) {
        rest_[i].share[d] =
            rest_[i + 1].share[d] + least([&](const auto& x) { return x.share[d]; });
      }
    }
  }

  BudgetSearchResult run() {
    std::vector<State> states(1);
    for (size_t i = 0; i < layers_.size() && !states.empty(); ++i) {
      std::vector<State> next = extended(states, i);
      drop_beaten(next);
      drop_worst(next);
      steps_.emplace_back();
      for (const State& state : next) steps_.back().push_back({state.parent, state.option});
      for (size_t k = 0; k < next.size(); ++k) complete(next[k].totals, i, k);
      states = std::move(next);
    }
    BudgetSearchResult result{.found = best_ < kInfinity, .options = options_};
    for (size_t i = 0; result.found && i < layers_.size(); ++i) {
      result.totals = result.totals + layers_[i][result.options[i]];
    }
    result.bound = std::min(result.found ? result.totals.objective : kInfinity, least_dropped_);
    return result;
  }

 private:
  struct StepBack {
    uint32_t parent, option;
  };

  /// Layers in which the options differ most come first: bounds then tell early.
  void sort_layers() {
    std::vector<double> spread;
    for (const auto& layer : layers_) {
      double low = kInfinity, high = 0;
      for (const SearchCosts& x : layer) {
        low = std::min(low, lagrange_.at_bound.priced(x));
        high = std::max(high, lagrange_.at_bound.priced(x));
      }
      spread.push_back(high - low);
    }
    order_.resize(layers_.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::ranges::stable_sort(order_, std::ranges::greater(), [&](size_t i) { return spread[i]; });
  }

  /// At prices around those of the bound: sums of shares come out a little lower or higher.
  void add_completions() {
    const Multipliers& at = lagrange_.at_bound;
    for (const double first : {0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.4, 2.0}) {
      for (const double second : {0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.4, 2.0}) {
        if (at.of[1] == 0 && second != 1) continue;
        const Multipliers prices{{at.of[0] * first, at.of[1] * second}};
        Completion completion{.options = std::vector<size_t>(layers_.size()),
                              .rests = std::vector<SearchCosts>(layers_.size() + 1)};
        for (size_t i = layers_.size(); i-- > 0;) {
          const auto& layer = layers_[order_[i]];
          completion.options[i] = cheapest_option(layer, prices);
          completion.rests[i] = completion.rests[i + 1] + layer[completion.options[i]];
        }
        completions_.push_back(std::move(completion));
      }
    }
  }

  /// Ends the state of that index after layer `i`, and keeps what is the best so far.
  void complete(const SearchCosts& totals, size_t i, size_t state) {
    for (const Completion& completion : completions_) {
      const SearchCosts& rest = completion.rests[i + 1];
      if (totals.objective + rest.objective >= best_ || !within(totals + rest)) continue;
      best_ = totals.objective + rest.objective;
      for (size_t k = i + 1; k < layers_.size(); ++k) options_[order_[k]] = completion.options[k];
      for (size_t k = i + 1, at = state; k-- > 0;) {
        options_[order_[k]] = steps_[k][at].option;
        at = steps_[k][at].parent;
      }
    }
  }

  std::vector<State> extended(const std::vector<State>& states, size_t i) const {
    const auto& layer = layers_[order_[i]];
    const Rest& rest = rest_[i + 1];
    const Multipliers& prices = lagrange_.at_bound;
    std::vector<State> next;
    for (size_t parent = 0; parent < states.size(); ++parent) {
      for (size_t option = 0; option < layer.size(); ++option) {
        State state{.totals = states[parent].totals + layer[option],
                    .parent = static_cast<uint32_t>(parent),
                    .option = static_cast<uint32_t>(option)};
        if (state.totals.share[0] + rest.share[0] > 1 + kLimitSlack) continue;
        if (state.totals.share[1] + rest.share[1] > 1 + kLimitSlack) continue;
        state.bound = prices.priced(state.totals) + rest.priced - prices.of_limits();
        if (state.bound >= best_ * (1 - 1e-12)) continue;
        next.push_back(state);
      }
    }
    return next;
  }

  /// Leaves states by rising objective of which none is beaten by another in all.
  static void drop_beaten(std::vector<State>& states) {
    std::ranges::sort(states, [](const State& a, const State& b) {
      const SearchCosts &x = a.totals, &y = b.totals;
      if (x.objective != y.objective) return x.objective < y.objective;
      if (x.share[0] != y.share[0]) return x.share[0] < y.share[0];
      if (x.share[1] != y.share[1]) return x.share[1] < y.share[1];
      return a.parent != b.parent ? a.parent < b.parent : a.option < b.option;
    });
    // Second share by first, of states with a lower objective; falling.
    std::map<double, double> stairs;
    const auto beaten = [&](const SearchCosts& x) {
      auto after = stairs.upper_bound(x.share[0]);
      if (after != stairs.begin() && std::prev(after)->second <= x.share[1]) return true;
      while (after != stairs.end() && after->second >= x.share[1]) after = stairs.erase(after);
      stairs[x.share[0]] = x.share[1];
      return false;
    };
    std::erase_if(states, [&](const State& state) { return beaten(state.totals); });
  }

  void drop_worst(std::vector<State>& states) {
    if (states.size() <= most_states_) return;
    std::vector<double> bounds;
    for (const State& state : states) bounds.push_back(state.bound);
    std::ranges::nth_element(bounds, bounds.begin() + static_cast<std::ptrdiff_t>(most_states_));
    const double limit = bounds[most_states_];
    least_dropped_ = std::min(least_dropped_, limit);
    std::erase_if(states, [&](const State& state) { return state.bound >= limit; });
  }

  const Layers& layers_;
  const LagrangeBound& lagrange_;
  const size_t most_states_;
  double best_;  // objective of the best choice so far
  std::vector<size_t> options_;
  std::vector<Completion> completions_;
  std::vector<size_t> order_;  // of layers
  std::vector<Rest> rest_;     // from each place in that order on
  std::vector<std::vector<StepBack>> steps_;
  double least_dropped_ = kInfinity;
};

}  // namespace

BudgetSearchResult search_choices(const Layers& layers, size_t most_states) {
  for (const auto& layer : layers) EF_CHECK(!layer.empty(), "a layer has an option");
  LagrangeBound lagrange(layers);
  lagrange.run();
  return LayerByLayer(layers, lagrange, most_states).run();
}

}  // namespace edgefusion::quant
