#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace edgefusion::quant {

// What `quantize` tells of its work: plain values, written by report_html.h and report_json.h.
// Decibels may be infinite (no difference). Texts are UTF-8 and not trusted. What was not measured
// is left empty.

/// The inputs of a layer over calibration, and where u8 cuts them off.
struct ReportActivation {
  double low = 0, high = 0;        ///< the range that was chosen
  double lowest = 0, highest = 0;  ///< of all values
  std::vector<double> histogram;   ///< counts from lowest to highest, 64 columns
  double clipped_share = 0;        ///< of the values, 0 to 1
  int64_t nan_count = 0, infinity_count = 0;
};

/// What quantising this layer alone does to the result.
struct ReportSensitivity {
  std::string scheme;  ///< in which it was measured; empty: the layer's own
  std::optional<double> latents_sqnr_db, psnr_db, ssim;
};

struct ReportLayer {
  std::string name, network;
  std::string kind;    ///< "conv 3x3", "linear", "attention"
  std::string scheme;  ///< as in recipes
  std::optional<double> time_ms;
  int64_t bytes_before = 0, bytes_after = 0;  ///< of weights
  std::optional<double> input_sqnr_db;        ///< of its inputs as u8 of static scales
  ReportSensitivity sensitivity;
  std::optional<ReportActivation> activation;
  std::string fallback;  ///< why it has not the scheme that was asked for; empty: it has
};

/// The same prompt and seed before and after.
struct ReportPicturePair {
  std::string prompt;
  std::vector<std::byte> before_png, after_png;
  std::optional<double> psnr_db, ssim;
  std::optional<double> clip_before, clip_after;  ///< CLIP scores
};

struct ReportPoint {
  double cost = 0;     ///< in the unit of the curve
  double sqnr_db = 0;  ///< of the whole, as the search expects it
  bool chosen = false;
};

/// Choices of schemes, by rising cost.
struct ReportCurve {
  std::string cost, unit;  ///< "time" and "ms"
  std::vector<ReportPoint> points;
};

struct ReportBudget {
  std::string quantity, unit;
  double limit = 0, reached = 0;
  bool met = true;
  bool is_least = false;  ///< of what must be reached, not what must not be exceeded
};

struct ReportTotals {
  std::optional<double> time_before_ms, time_after_ms;
  int64_t bytes_before = 0, bytes_after = 0;
  std::optional<double> psnr_db, ssim;  ///< means over held-out prompts
};

struct QuantizationReport {
  std::string model;
  /// Name and value of what makes the run repeatable: versions, files, hashes, options.
  std::vector<std::pair<std::string, std::string>> provenance;
  ReportTotals totals;
  std::vector<ReportBudget> budgets;
  std::vector<ReportCurve> curves;
  std::vector<ReportPicturePair> pictures;
  std::vector<ReportLayer> layers;
};

}  // namespace edgefusion::quant
