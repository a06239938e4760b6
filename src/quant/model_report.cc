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
  return {"", deviation.latents_sqnr_db, deviation.psnr_db, deviation.ssim};
}

/// What quantising it alone cost: in its own scheme, or for a layer that stayed in bf16 in the
/// worst that was tried. Nothing where it was not measured.
template <typename Scheme>
ReportSensitivity sensitivity_of(const Findings& findings,
                                 const std::map<Scheme, SchemeFinding>& schemes, Scheme own) {
  if (!findings.has_sensitivity) return {};
  if (own != Scheme::bf16) return sensitivity_of(schemes.at(own).deviation);
  const auto worst = std::ranges::max_element(
      schemes, {}, [](const auto& entry) { return entry.second.deviation.mean_square; });
  if (worst->first == own || !(worst->second.deviation.mean_square > 0)) return {};
  ReportSensitivity sensitivity = sensitivity_of(worst->second.deviation);
  sensitivity.scheme = graph::to_string(worst->first);
  return sensitivity;
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
  if (quantized.settings.scheme == Scheme::w8a8) entry.input_sqnr_db = quantized.input_sqnr_db;
  entry.sensitivity = sensitivity_of(s.findings, schemes, scheme);
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
  entry.sensitivity = sensitivity_of(s.findings, schemes, scheme);
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
  const double ms = result.whole_ms.value_or(result.time_ms);
  const double megabytes =
      result.bundle_bytes ? static_cast<double>(*result.bundle_bytes) * 1e-6 : result.megabytes;
  if (goal.min_psnr_db) {
    const double least = *goal.min_psnr_db;
    budgets.push_back({"PSNR", "dB", least, result.psnr_db, result.psnr_db >= least, true});
  }
  if (goal.max_ms) budgets.push_back({"time", "ms", *goal.max_ms, ms, ms <= *goal.max_ms});
  if (goal.max_mb) {
    budgets.push_back({"size", "MB", *goal.max_mb, megabytes, megabytes <= *goal.max_mb});
  }
  return budgets;
}

}  // namespace

QuantizationReport make_report(const ReportSources& s) {
  QuantizationReport report;
  report.totals = {
      .time_before_ms = s.ms_before,
      .time_after_ms = s.result.whole_ms,
      .bytes_before = static_cast<int64_t>(s.megabytes_before * 1e6),
      .bytes_after = s.result.bundle_bytes.value_or(static_cast<int64_t>(s.result.megabytes * 1e6)),
      .psnr_db = s.result.psnr_db,
      .ssim = s.result.ssim};
  report.budgets = budgets_of(s.goal, s.result);
  // A recipe that fixes all leaves nothing to choose between.
  if (s.findings.has_sensitivity && s.result.curve.size() > 1) {
    report.curves.push_back(time_curve(s.result));
  }
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
