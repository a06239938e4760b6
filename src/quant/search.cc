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
    for (const auto& [scheme, finding] : findings.layers[i]) {
      if (!is_allowed(recipe.layers, i, scheme, finding)) continue;
      options.options.push_back(option(finding, layer.network, layer.is_content));
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

Budget budget_of(const SearchGoal& goal, const FixedCosts& fixed, double error_limit) {
  Budget budget;
  const bool has_limit = goal.max_ms || goal.max_mb;
  budget.minimise = has_limit && !goal.min_psnr_db ? Quantity::error : Quantity::time_ms;
  if (goal.max_ms) budget.limits[Quantity::time_ms] = positive(*goal.max_ms - fixed.ms);
  if (goal.max_mb)
    budget.limits[Quantity::bytes] = positive((*goal.max_mb - fixed.megabytes) * 1e6);
  if (budget.minimise != Quantity::error) budget.limits[Quantity::error] = positive(error_limit);
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

/// Of two that hold the faster one, else the one that comes nearer.
bool is_better(const SearchResult& a, const SearchResult& b) {
  if (a.met != b.met) return a.met;
  return a.met ? a.time_ms < b.time_ms : a.psnr_db > b.psnr_db;
}

std::string nearest(const SearchGoal& goal, const SearchResult& result) {
  std::string text = "cannot be reached:";
  if (goal.min_psnr_db) text += fmt::format(" {:.1f} dB", *goal.min_psnr_db);
  if (goal.max_ms) text += fmt::format(" {:.1f} ms", *goal.max_ms);
  if (goal.max_mb) text += fmt::format(" {:.1f} MB", *goal.max_mb);
  return text + fmt::format("; the nearest is {:.1f} dB, {:.1f} ms, {:.1f} MB", result.psnr_db,
                            result.time_ms, result.megabytes);
}

}  // namespace

Result<SearchResult> search(const LayerList& list, const Findings& findings,
                            const RecipeChoices& recipe, const SearchGoal& goal, int unet_runs,
                            const FixedCosts& fixed,
                            const std::function<Result<Deviation>(const Assignment&)>& check) {
  const Options options(list, findings, recipe, unet_runs);
  const bool by_error = !goal.min_psnr_db && (goal.max_ms || goal.max_mb);
  const double wanted = goal.min_psnr_db.value_or(by_error ? 0 : kDefaultPsnr);
  double error_limit = noise_of_db(wanted);
  SearchResult best;
  for (int round = 0; round < kMostChecks; ++round) {
    const BudgetResult chosen =
        choose_within_budget(options.all(), budget_of(goal, fixed, error_limit));
    SearchResult result;
    result.assignment = options.assignment(chosen.choice);
    result.time_ms = fixed.ms + chosen.choice.totals[Quantity::time_ms];
    result.megabytes = fixed.megabytes + chosen.choice.totals[Quantity::bytes] * 1e-6;
    result.predicted_psnr_db = ratio_db(1.0, chosen.choice.totals[Quantity::error]);
    EF_TRY(const Deviation measured, check(result.assignment));
    result.psnr_db = measured.psnr_db;
    result.ssim = measured.ssim;
    const bool in_time = !goal.max_ms || result.time_ms <= *goal.max_ms;
    const bool in_size = !goal.max_mb || result.megabytes <= *goal.max_mb;
    result.met = in_time && in_size && measured.psnr_db >= wanted;
    if (round == 0 || is_better(result, best)) best = result;
    const bool is_near = result.met && measured.psnr_db < wanted + kSlack;
    if (is_near || by_error) break;
    if (measured.psnr_db < wanted) {  // else the same choice would come again
      error_limit = std::min(error_limit, chosen.choice.totals[Quantity::error]);
    }
    error_limit *= std::pow(10.0, (measured.psnr_db - wanted - kMargin) / 10);
  }
  best.curve = curve_of(options, fixed);
  if (!best.met) best.unmet = nearest(goal, best);
  return best;
}

}  // namespace edgefusion::quant
