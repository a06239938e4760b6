#include "quant/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/decibels.h"
#include "quant/knapsack.h"
#include "quant/pareto_curve.h"

namespace edgefusion::quant {
namespace {

using graph::AttentionScheme;
using graph::Scheme;

constexpr double kDefaultPsnr = 28;
constexpr int kMostChecks = 8;
constexpr double kMargin = 0.1;  // dB beyond what is asked for
constexpr double kSlack = 1.0;   // dB that are not worth another round

/// The noise that a loss of structure is as bad as, found over all that was measured: the ratio of
/// the two sums.
double noise_of_structure(const Findings& findings) {
  double noise = 0, structure = 0;
  for (const auto& layer : findings.layers) {
    for (const auto& [scheme, finding] : layer) {
      if (!finding.excluded.empty()) continue;
      noise += finding.deviation.mean_square;
      structure += 1 - finding.deviation.ssim;
    }
  }
  return structure > 0 ? noise / structure : 0;
}

/// What a recipe fixes is the only choice, even where it hurts.
template <typename Scheme>
bool is_allowed(const std::vector<std::optional<Scheme>>& recipe, size_t index, Scheme scheme,
                const SchemeFinding& finding) {
  const bool is_fixed = index < recipe.size() && recipe[index].has_value();
  return is_fixed ? recipe[index] == scheme : finding.excluded.empty();
}

/// Layers first, then attentions, as the knapsack wants them.
class Options {
 public:
  Options(const LayerList& list, const Findings& findings, const RecipeChoices& recipe,
          int unet_runs)
      : list_(list), unet_runs_(unet_runs), structure_(noise_of_structure(findings)) {
    for (size_t i = 0; i < list.layers.size(); ++i) add_layer(i, findings, recipe);
    for (size_t i = 0; i < list.attentions.size(); ++i) add_attention(i, findings, recipe);
  }

  const std::vector<LayerOptions>& all() const { return options_; }

  Assignment assignment(const SchemeChoice& choice) const {
    Assignment result = all_bf16(list_);
    for (size_t i = 0; i < choice.options.size(); ++i) {
      const auto index = static_cast<size_t>(choice.options[i]);
      if (i < list_.layers.size()) {
        result.layers[i] = layer_schemes_[i][index];
      } else {
        const size_t attention = i - list_.layers.size();
        result.attentions[attention] = attention_schemes_[attention][index];
      }
    }
    return result;
  }

 private:
  SchemeOption option(const SchemeFinding& finding, const std::string& network,
                      bool is_content) const {
    const double runs = network == "unet" ? unet_runs_ : 1;
    const double structure = structure_ * (1 - finding.deviation.ssim);
    SchemeOption option;
    option.costs[Quantity::time_ms] = runs * std::max(0.0, finding.time_ms);
    option.costs[Quantity::bytes] = static_cast<double>(finding.bytes);
    option.costs[Quantity::error] = is_content ? std::max(structure, finding.deviation.mean_square)
                                               : finding.deviation.mean_square;
    return option;
  }

  void add_layer(size_t i, const Findings& findings, const RecipeChoices& recipe) {
    const Layer& layer = list_.layers[i];
    LayerOptions& options = options_.emplace_back();
    options.name = layer.path();
    auto& schemes = layer_schemes_.emplace_back();
    // Deviations are those from bf16: how far f32 is from it is what every other scheme loses too.
    const auto exact = findings.layers[i].find(Scheme::f32);
    const double of_bf16 =
        exact == findings.layers[i].end() ? 0 : exact->second.deviation.mean_square;
    for (const auto& [scheme, finding] : findings.layers[i]) {
      if (!is_allowed(recipe.layers, i, scheme, finding)) continue;
      options.options.push_back(option(finding, layer.network, layer.is_content));
      double& error = options.options.back().costs[Quantity::error];
      error = scheme == Scheme::f32 ? 0 : error + of_bf16;
      schemes.push_back(scheme);
    }
    if (options.options.empty()) {  // what the recipe names is not possible here
      options.options.push_back(
          option(findings.layers[i].at(Scheme::bf16), layer.network, layer.is_content));
      schemes.push_back(Scheme::bf16);
    }
  }

  void add_attention(size_t i, const Findings& findings, const RecipeChoices& recipe) {
    const AttentionLayer& attention = list_.attentions[i];
    LayerOptions& options = options_.emplace_back();
    options.name = attention.path();
    auto& schemes = attention_schemes_.emplace_back();
    for (const auto& [scheme, finding] : findings.attentions[i]) {
      if (!is_allowed(recipe.attention, i, scheme, finding)) continue;
      options.options.push_back(option(finding, attention.network, false));
      schemes.push_back(scheme);
    }
    if (options.options.empty()) {
      options.options.push_back(
          option(findings.attentions[i].at(AttentionScheme::bf16), attention.network, false));
      schemes.push_back(AttentionScheme::bf16);
    }
  }

  const LayerList& list_;
  int unet_runs_;
  double structure_;
  std::vector<LayerOptions> options_;
  std::vector<std::vector<Scheme>> layer_schemes_;
  std::vector<std::vector<AttentionScheme>> attention_schemes_;
};

/// Limits that no sum of positive costs can keep are told as tiny ones.
double positive(double limit) { return std::max(limit, 1e-9); }

/// What the knapsack is asked for: moved until what comes of it holds.
struct Limits {
  double error = 0;
  std::optional<double> ms, megabytes;
};

Budget budget_of(const Limits& limits, const FixedCosts& fixed, bool by_error) {
  Budget budget;
  budget.minimise = by_error ? Quantity::error : Quantity::time_ms;
  if (limits.ms) budget.limits[Quantity::time_ms] = positive(*limits.ms - fixed.ms);
  if (limits.megabytes) {
    budget.limits[Quantity::bytes] = positive((*limits.megabytes - fixed.megabytes) * 1e6);
  }
  if (!by_error) budget.limits[Quantity::error] = positive(limits.error);
  return budget;
}

std::vector<ParetoPoint> curve_of(const Options& options, const FixedCosts& fixed) {
  std::vector<ParetoPoint> points;
  for (const SchemeChoice& choice : pareto_curve(options.all(), Quantity::time_ms)) {
    points.push_back({fixed.ms + choice.totals[Quantity::time_ms],
                      fixed.megabytes + choice.totals[Quantity::bytes] * 1e-6,
                      ratio_db(1.0, choice.totals[Quantity::error])});
  }
  return points;
}

double reached_ms(const SearchResult& result) { return result.whole_ms.value_or(result.time_ms); }

double reached_megabytes(const SearchResult& result) {
  return result.bundle_bytes ? static_cast<double>(*result.bundle_bytes) * 1e-6 : result.megabytes;
}

/// How far the worst of the limits is exceeded, as a factor; at most 1 if all are kept.
double excess(const SearchResult& result, const SearchGoal& goal) {
  double factor = goal.max_ms ? reached_ms(result) / positive(*goal.max_ms) : 0;
  if (goal.max_mb) factor = std::max(factor, reached_megabytes(result) / positive(*goal.max_mb));
  if (!goal.min_psnr_db) return factor;
  return std::max(factor, std::pow(10.0, (*goal.min_psnr_db - result.psnr_db) / 10));
}

/// Of two that hold the faster one, or the one of less error; else the one that comes nearer.
bool is_better(const SearchResult& a, const SearchResult& b, const SearchGoal& goal,
               bool by_error) {
  if (a.met != b.met) return a.met;
  if (!a.met) return excess(a, goal) < excess(b, goal);
  return by_error ? a.psnr_db > b.psnr_db : a.time_ms < b.time_ms;
}

/// Rounded so that what is named can be asked for.
std::string nearest(const SearchGoal& goal, const SearchResult& result) {
  std::string text = "cannot be reached:";
  const auto precise = [](double limit, int digits) {
    return fmt::format("{:.{}f}", limit,
                       std::abs(limit * 10 - std::round(limit * 10)) < 1e-6 ? 1 : digits);
  };
  if (goal.min_psnr_db) text += " " + precise(*goal.min_psnr_db, 2) + " dB";
  if (goal.max_ms) text += " " + precise(*goal.max_ms, 2) + " ms";
  if (goal.max_mb) text += " " + precise(*goal.max_mb, 6) + " MB";
  return text + fmt::format("; the nearest is {:.2f} dB, {:.2f} ms, {:.6f} MB",
                            std::floor(result.psnr_db * 100) / 100,
                            std::ceil(reached_ms(result) * 100) / 100, reached_megabytes(result));
}

/// Asks what the choice costs as a whole, where that is limited. Errors: those of `whole`.
Status measure_whole(const SearchGoal& goal, const WholeCosts& whole, SearchResult& result) {
  if (goal.max_ms && whole.picture_ms) {
    EF_TRY(result.whole_ms, whole.picture_ms(result.assignment));
  }
  if (goal.max_mb && whole.bundle_bytes) {
    EF_TRY(result.bundle_bytes, whole.bundle_bytes(result.assignment));
  }
  return {};
}

/// Tightens what a choice has exceeded; false if it kept both.
bool tighten(const SearchGoal& goal, const SearchResult& result, Limits& limits) {
  constexpr double kBelow = 0.995;       // of a time: it is measured anew
  constexpr double kHeaderSlack = 1e-4;  // MB: names in headers that another choice has
  bool tightened = false;
  if (goal.max_ms && reached_ms(result) > *goal.max_ms) {
    limits.ms = std::min(*limits.ms, result.time_ms * kBelow * *goal.max_ms / reached_ms(result));
    tightened = true;
  }
  if (goal.max_mb && reached_megabytes(result) > *goal.max_mb) {
    const double over = reached_megabytes(result) - *goal.max_mb;
    limits.megabytes = std::min(*limits.megabytes, result.megabytes - over - kHeaderSlack);
    tightened = true;
  }
  return tightened;
}

}  // namespace

Result<SearchResult> search(const LayerList& list, const Findings& findings,
                            const RecipeChoices& recipe, const SearchGoal& goal, int unet_runs,
                            const FixedCosts& fixed,
                            const std::function<Result<Deviation>(const Assignment&)>& check,
                            const WholeCosts& whole) {
  const Options options(list, findings, recipe, unet_runs);
  const bool by_error = !goal.min_psnr_db && (goal.max_ms || goal.max_mb);
  const double wanted = goal.min_psnr_db.value_or(by_error ? 0 : kDefaultPsnr);
  Limits limits = {noise_of_db(wanted), goal.max_ms, goal.max_mb};
  SearchGoal whole_goal = goal;
  if (!by_error) whole_goal.min_psnr_db = wanted;
  SearchResult best;
  for (int round = 0; round < kMostChecks; ++round) {
    const BudgetResult chosen =
        choose_within_budget(options.all(), budget_of(limits, fixed, by_error));
    SearchResult result;
    result.assignment = options.assignment(chosen.choice);
    result.time_ms = fixed.ms + chosen.choice.totals[Quantity::time_ms];
    result.megabytes = fixed.megabytes + chosen.choice.totals[Quantity::bytes] * 1e-6;
    result.predicted_psnr_db = ratio_db(1.0, chosen.choice.totals[Quantity::error]);
    EF_TRY_STATUS(measure_whole(goal, whole, result));
    EF_TRY(const Deviation measured, check(result.assignment));
    result.psnr_db = measured.psnr_db;
    result.ssim = measured.ssim;
    const bool in_time = !goal.max_ms || reached_ms(result) <= *goal.max_ms;
    const bool in_size = !goal.max_mb || reached_megabytes(result) <= *goal.max_mb;
    result.met = in_time && in_size && measured.psnr_db >= wanted;
    if (round == 0 || is_better(result, best, whole_goal, by_error)) best = result;
    const bool tightened = tighten(goal, result, limits);
    const bool is_near = result.met && measured.psnr_db < wanted + kSlack;
    if (is_near || (by_error && !tightened)) break;
    if (by_error) continue;
    if (measured.psnr_db < wanted) {  // else the same choice would come again
      limits.error = std::min(limits.error, chosen.choice.totals[Quantity::error]);
    }
    limits.error *= std::pow(10.0, (measured.psnr_db - wanted - kMargin) / 10);
  }
  best.curve = curve_of(options, fixed);
  if (!best.met) best.unmet = nearest(goal, best);
  return best;
}

}  // namespace edgefusion::quant
