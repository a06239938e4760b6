#include "quant/model_report.h"

#include <algorithm>

#include "formats/png.h"
#include "quant/layer_inputs.h"
#include "quant/quality.h"

namespace edgefusion::quant {
namespace {

using graph::Scheme;

constexpr int kColumns = 64;  // of a histogram

std::optional<ReportActivation> activation_of(const Layer& layer, const QuantizedLayer& quantized,
                                              const Calibration& calibration) {
  const ObservedValue* seen = calibration.input(layer, 0);
  if (seen == nullptr) return std::nullopt;
  ReportActivation activation;
  const RangeHistogram& histogram = seen->ranges.histogram();
  activation.lowest = histogram.lowest();
  activation.highest = histogram.highest();
  activation.histogram = histogram.resampled(kColumns);
  activation.nan_count = seen->ranges.nan_count();
  activation.infinity_count = seen->ranges.infinity_count();
  const bool is_static = quantized.settings.scheme == Scheme::w8a8 && !quantized.equalized;
  activation.low = is_static ? quantized.scale.lowest() : histogram.lowest();
  activation.high = is_static ? quantized.scale.highest() : histogram.highest();
  activation.clipped_share = quantized.clipped_share;
  return activation;
}

ReportSensitivity sensitivity_of(const Deviation& deviation) {
  return {deviation.latents_sqnr_db, deviation.psnr_db, deviation.ssim};
}

/// The worst of the schemes that were tried, for layers that stayed as they were.
template <typename Schemes>
const SchemeFinding* most_harmful(const Schemes& schemes) {
  const SchemeFinding* worst = nullptr;
  for (const auto& [scheme, finding] : schemes) {
    if (worst == nullptr || finding.deviation.mean_square > worst->deviation.mean_square) {
      worst = &finding;
    }
  }
  return worst;
}

/// Why a layer is in bf16 though it need not be.
template <typename Schemes>
std::string fallback_of(const Schemes& schemes) {
  std::string reasons;
  for (const auto& [scheme, finding] : schemes) {
    if (finding.excluded.empty()) continue;
    if (!reasons.empty()) reasons += "; ";
    reasons += std::string(graph::to_string(scheme)) + ": " + finding.excluded;
  }
  return reasons;
}

ReportLayer layer_entry(const ReportSources& s, size_t i) {
  const Layer& layer = s.list.layers[i];
  const Scheme scheme = s.result.assignment.layers[i];
  const auto& schemes = s.findings.layers[i];
  const QuantizedLayer& quantized = s.book.layer(i, scheme);
  ReportLayer entry;
  entry.name = layer.name;
  entry.network = layer.network;
  entry.kind = layer.kind;
  entry.scheme = graph::to_string(scheme);
  const SchemeFinding& finding = schemes.at(scheme);
  entry.time_ms = finding.time_ms;
  entry.bytes_before = schemes.at(Scheme::bf16).bytes;
  entry.bytes_after = finding.bytes;
  if (quantized.settings.scheme == Scheme::w8a8) entry.sqnr_db = quantized.input_sqnr_db;
  const SchemeFinding* told = scheme == Scheme::bf16 ? most_harmful(schemes) : &finding;
  if (told != nullptr) entry.sensitivity = sensitivity_of(told->deviation);
  entry.activation = activation_of(layer, quantized, s.calibration);
  entry.fallback = fallback_of(schemes);
  return entry;
}

ReportLayer attention_entry(const ReportSources& s, size_t i) {
  const AttentionLayer& attention = s.list.attentions[i];
  const auto scheme = s.result.assignment.attentions[i];
  const auto& schemes = s.findings.attentions[i];
  ReportLayer entry;
  entry.name = attention.name;
  entry.network = attention.network;
  entry.kind = "attention";
  entry.scheme = graph::to_string(scheme);
  entry.time_ms = schemes.at(scheme).time_ms;
  const SchemeFinding* told =
      scheme == graph::AttentionScheme::bf16 ? most_harmful(schemes) : &schemes.at(scheme);
  if (told != nullptr) entry.sensitivity = sensitivity_of(told->deviation);
  entry.fallback = fallback_of(schemes);
  return entry;
}

ReportCurve time_curve(const SearchResult& result) {
  ReportCurve curve = {"time", "ms", {}};
  for (const ParetoPoint& point : result.curve) {
    curve.points.push_back({point.time_ms, point.psnr_db, false});
  }
  curve.points.push_back({result.time_ms, result.predicted_psnr_db, true});
  std::ranges::stable_sort(curve.points, {}, &ReportPoint::cost);
  return curve;
}

std::vector<ReportBudget> budgets_of(const SearchGoal& goal, const SearchResult& result) {
  std::vector<ReportBudget> budgets;
  if (goal.min_psnr_db) {
    budgets.push_back(
        {"PSNR", "dB", *goal.min_psnr_db, result.psnr_db, result.psnr_db >= *goal.min_psnr_db});
  }
  if (goal.max_ms) {
    budgets.push_back({"time", "ms", *goal.max_ms, result.time_ms, result.time_ms <= *goal.max_ms});
  }
  if (goal.max_mb) {
    budgets.push_back(
        {"size", "MB", *goal.max_mb, result.megabytes, result.megabytes <= *goal.max_mb});
  }
  return budgets;
}

}  // namespace

QuantizationReport make_report(const ReportSources& s) {
  QuantizationReport report;
  report.totals = {.time_before_ms = s.ms_before,
                   .time_after_ms = s.result.time_ms,
                   .bytes_before = static_cast<int64_t>(s.megabytes_before * 1e6),
                   .bytes_after = static_cast<int64_t>(s.result.megabytes * 1e6),
                   .psnr_db = s.result.psnr_db,
                   .ssim = s.result.ssim};
  report.budgets = budgets_of(s.goal, s.result);
  report.curves.push_back(time_curve(s.result));
  for (size_t i = 0; i < s.list.layers.size(); ++i) report.layers.push_back(layer_entry(s, i));
  for (size_t i = 0; i < s.list.attentions.size(); ++i) {
    report.layers.push_back(attention_entry(s, i));
  }
  return report;
}

Result<ReportPicturePair> make_picture_pair(const std::string& prompt, const formats::Image& before,
                                            const formats::Image& after) {
  ReportPicturePair pair;
  pair.prompt = prompt;
  EF_TRY(pair.before_png, formats::encode_png(before, {}));
  EF_TRY(pair.after_png, formats::encode_png(after, {}));
  pair.psnr_db = psnr_db(before, after);
  pair.ssim = ssim(before, after);
  return pair;
}

}  // namespace edgefusion::quant
