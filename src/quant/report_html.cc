#include "quant/report_html.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "drawing/html_text.h"
#include "drawing/report_style.h"
#include "quant/base64.h"
#include "quant/report_style.h"
#include "quant/svg_chart.h"

namespace edgefusion::quant {
namespace {

using drawing::bytes_text;
using drawing::element;
using drawing::escaped;
using drawing::fixed;

std::string tile(const std::string& value, const std::string& name) {
  return "<div>" + element("b", value) + element("span", name) + "</div>\n";
}

std::string totals(const ReportTotals& totals) {
  std::string html = "<div class=\"row tiles\">\n";
  const auto before_after = [&](const std::string& after, const std::string& before,
                                const std::string& name) {
    html += tile(after, name + ", was " + before);
  };
  before_after(bytes_text(static_cast<double>(totals.bytes_after)),
               bytes_text(static_cast<double>(totals.bytes_before)), "of weights");
  if (totals.time_after_ms) {
    before_after(fixed(totals.time_after_ms, 1) + " ms", fixed(totals.time_before_ms, 1) + " ms",
                 "time");
  }
  if (totals.psnr_db) html += tile(fixed(totals.psnr_db, 1) + " dB", "PSNR to float");
  if (totals.ssim) html += tile(fixed(totals.ssim, 3), "SSIM to float");
  return html + "</div>\n";
}

std::string budgets(std::span<const ReportBudget> budgets) {
  if (budgets.empty()) return "";
  std::string html = element("h2", "Budget") +
                     "\n<div class=\"wide\"><table><thead><tr><th class=\"text\">of</th>"
                     "<th>limit</th><th>reached</th><th class=\"text\"></th></tr></thead><tbody>\n";
  for (const ReportBudget& budget : budgets) {
    html += "<tr>" + element("td", budget.quantity, "text") +
            element("td", (budget.is_least ? "at least " : "at most ") + fixed(budget.limit, 2) +
                              " " + budget.unit) +
            element("td", fixed(budget.reached, 2) + " " + budget.unit) +
            (budget.met ? element("td", "met", "text")
                        : element("td", "not met: nearest that can be reached", "text warn")) +
            "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string curves(std::span<const ReportCurve> curves) {
  if (curves.empty()) return "";
  std::string html =
      element("h2", "What bits buy") + "\n" +
      element("p", "Best choices of schemes by what they cost; the circle is the one taken.",
              "soft") +
      "\n<div class=\"row\">\n";
  for (const ReportCurve& curve : curves) {
    html += "<figure>" + pareto_chart(curve) + "</figure>\n";
  }
  return html + "</div>\n";
}

std::string picture(std::span<const std::byte> png, const std::string& words) {
  if (png.empty()) return element("span", "no picture", "soft");
  return "<img alt=\"" + escaped(words) + "\" src=\"data:image/png;base64," + to_base64(png) +
         "\">";
}

std::string pictures(std::span<const ReportPicturePair> pairs) {
  if (pairs.empty()) return "";
  std::string html = element("h2", "Pictures") + "\n" +
                     element("p", "Same prompt and seed: float left, quantised right.", "soft") +
                     "\n<div class=\"row\">\n";
  for (const ReportPicturePair& pair : pairs) {
    std::string figures = "PSNR " + fixed(pair.psnr_db, 1) + " dB, SSIM " + fixed(pair.ssim, 3);
    if (pair.clip_before || pair.clip_after) {
      figures += ", CLIP score " + fixed(pair.clip_before, 1) + " and " + fixed(pair.clip_after, 1);
    }
    html += "<figure><div class=\"pair\">" + picture(pair.before_png, pair.prompt + ", float") +
            picture(pair.after_png, pair.prompt + ", quantised") + "</div><figcaption>" +
            escaped(pair.prompt) + "<br>" + element("span", figures, "soft") +
            "</figcaption></figure>\n";
  }
  return html + "</div>\n";
}

std::string sensitivities(std::span<const ReportLayer> layers) {
  constexpr size_t kMostBars = 40;
  std::vector<ChartBar> bars;
  for (const ReportLayer& layer : layers) {
    const auto& db = layer.sensitivity.latents_sqnr_db;
    if (db && std::isfinite(*db)) bars.push_back({layer.network + "/" + layer.name, *db});
  }
  if (bars.empty()) return "";
  const size_t measured = bars.size();
  std::ranges::stable_sort(bars, {}, &ChartBar::value);
  bars.resize(std::min(measured, kMostBars));
  std::string note =
      "SQNR of the latents when this layer alone is quantised; short bars are "
      "sensitive layers.";
  if (measured > bars.size()) {
    note += " The " + std::to_string(bars.size()) + " most sensitive of " +
            std::to_string(measured) + ".";
  }
  return element("h2", "Sensitivity") + "\n" + element("p", note, "soft") + "\n" +
         bar_chart(bars, "dB") + "\n";
}

/// A cell that sorts by its number.
std::string cell(const std::optional<double>& value, int digits) {
  if (!value) return "<td data-v=\"\">–</td>";
  // Infinite: beyond all others of a column.
  const double key = std::clamp(*value, -1e15, 1e15);
  return "<td data-v=\"" + fixed(std::isnan(key) ? -1e15 : key, 6) + "\">" + fixed(*value, digits) +
         "</td>";
}

std::string activation_cells(const std::optional<ReportActivation>& activation) {
  if (!activation) {
    return cell({}, 0) + "<td class=\"text\"></td>" + cell({}, 0) + cell({}, 0);
  }
  const ReportActivation& seen = *activation;
  const double broken =
      static_cast<double>(seen.nan_count) + static_cast<double>(seen.infinity_count);
  std::string html = "<td data-v=\"" + fixed(seen.high - seen.low, 6) + "\">" + fixed(seen.low, 2) +
                     " to " + fixed(seen.high, 2) + "</td><td class=\"text\">" +
                     histogram_chart(seen) + "</td>" + cell(seen.clipped_share * 100, 3);
  html += "<td data-v=\"" + fixed(broken, 0) + "\"" + (broken > 0 ? " class=\"warn\">" : ">") +
          std::to_string(seen.nan_count) + ", " + std::to_string(seen.infinity_count) + "</td>";
  return html;
}

std::string layer_row(const ReportLayer& layer) {
  const ReportSensitivity& sensitivity = layer.sensitivity;
  return "<tr>" + element("td", layer.network, "text") + element("td", layer.name, "text") +
         element("td", layer.kind, "text") + element("td", layer.scheme, "text") +
         cell(layer.time_ms, 3) + cell(static_cast<double>(layer.bytes_before) / 1000, 1) +
         cell(static_cast<double>(layer.bytes_after) / 1000, 1) + cell(layer.input_sqnr_db, 1) +
         cell(sensitivity.latents_sqnr_db, 1) + cell(sensitivity.psnr_db, 1) +
         cell(sensitivity.ssim, 4) + element("td", sensitivity.scheme, "text") +
         activation_cells(layer.activation) + element("td", layer.fallback, "text long") +
         "</tr>\n";
}

std::string layers(std::span<const ReportLayer> layers) {
  std::string html =
      element("h2", "Layers") + "\n<div class=\"wide\"><table class=\"sortable\">" + "<thead><tr>";
  for (const char* name : {"Network", "Layer", "Kind", "Scheme"})
    html += element("th", name, "text");
  for (const char* name :
       {"ms", "kB before", "kB after", "input SQNR, dB", "latents, dB", "PSNR, dB", "SSIM"}) {
    html += element("th", name);
  }
  html += element("th", "measured as", "text") + element("th", "range") +
          element("th", "inputs", "text") + element("th", "clipped, %") +
          element("th", "NaN, inf") + element("th", "why not as asked", "text") +
          "</tr></thead><tbody>\n";
  for (const ReportLayer& layer : layers) html += layer_row(layer);
  return html + "</tbody></table></div>\n" +
         element(
             "p",
             "Input SQNR is that of u8 with static scales, by the histogram; latents, PSNR and "
             "SSIM are of the whole model "
             "with this layer alone quantised, for a layer that stayed as it was in the scheme "
             "that is "
             "named; a dash is what was not measured. Heights of histograms are roots of counts; "
             "dashed lines are where u8 cuts off.",
             "soft") +
         "\n";
}

std::string provenance(const QuantizationReport& report) {
  if (report.provenance.empty()) return "";
  std::string html = element("h2", "Made from") + "\n<dl>\n";
  for (const auto& [name, value] : report.provenance) {
    html += element("dt", name) + element("dd", value) + "\n";
  }
  return html + "</dl>\n";
}

}  // namespace

std::string report_html(const QuantizationReport& report) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html += element("title", report.model + ": quantisation") + "\n<style>" +
          std::string(drawing::kPageStyle) + std::string(kReportStyle) +
          "</style>\n</head>\n<body>\n";
  html += element("h1", report.model) + "\n" +
          element("p", "Quantisation report, " + std::to_string(report.layers.size()) + " layers",
                  "soft") +
          "\n";
  html += totals(report.totals) + budgets(report.budgets) + curves(report.curves) +
          pictures(report.pictures) + sensitivities(report.layers) + layers(report.layers) +
          provenance(report);
  return html + "<script>" + std::string(drawing::kSortScript) + "</script>\n</body>\n</html>\n";
}

}  // namespace edgefusion::quant
