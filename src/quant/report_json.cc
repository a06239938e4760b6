#include "quant/report_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "quant/base64.h"

namespace edgefusion::quant {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

void put(Json& object, const char* key, const std::optional<double>& value) {
  if (value) object[key] = number(*value);
}

Json to_json(const ReportActivation& activation) {
  Json object = {{"low", number(activation.low)},
                 {"high", number(activation.high)},
                 {"lowest", number(activation.lowest)},
                 {"highest", number(activation.highest)}};
  object["histogram"] = activation.histogram;
  object["clipped_share"] = number(activation.clipped_share);
  object["nan_count"] = activation.nan_count;
  object["infinity_count"] = activation.infinity_count;
  return object;
}

Json to_json(const ReportLayer& layer) {
  Json object = {{"name", layer.name},
                 {"network", layer.network},
                 {"kind", layer.kind},
                 {"scheme", layer.scheme}};
  put(object, "time_ms", layer.time_ms);
  object["bytes_before"] = layer.bytes_before;
  object["bytes_after"] = layer.bytes_after;
  put(object, "input_sqnr_db", layer.input_sqnr_db);
  Json sensitivity = Json::object();
  put(sensitivity, "latents_sqnr_db", layer.sensitivity.latents_sqnr_db);
  put(sensitivity, "psnr_db", layer.sensitivity.psnr_db);
  put(sensitivity, "ssim", layer.sensitivity.ssim);
  if (!sensitivity.empty() && !layer.sensitivity.scheme.empty()) {
    sensitivity["scheme"] = layer.sensitivity.scheme;
  }
  if (!sensitivity.empty()) object["sensitivity"] = sensitivity;
  if (layer.activation) object["activation"] = to_json(*layer.activation);
  if (!layer.fallback.empty()) object["fallback"] = layer.fallback;
  return object;
}

Json to_json(const ReportPicturePair& pair) {
  Json object = {{"prompt", pair.prompt}};
  put(object, "psnr_db", pair.psnr_db);
  put(object, "ssim", pair.ssim);
  put(object, "clip_before", pair.clip_before);
  put(object, "clip_after", pair.clip_after);
  object["before_png"] = to_base64(pair.before_png);
  object["after_png"] = to_base64(pair.after_png);
  return object;
}

Json to_json(const ReportCurve& curve) {
  Json points = Json::array();
  for (const ReportPoint& point : curve.points) {
    points.push_back({{"cost", number(point.cost)},
                      {"sqnr_db", number(point.sqnr_db)},
                      {"chosen", point.chosen}});
  }
  return {{"cost", curve.cost}, {"unit", curve.unit}, {"points", points}};
}

Json to_json(const ReportBudget& budget) {
  return {{"quantity", budget.quantity},
          {"unit", budget.unit},
          {budget.is_least ? "at_least" : "at_most", number(budget.limit)},
          {"reached", number(budget.reached)},
          {"met", budget.met}};
}

Json to_json(const ReportTotals& totals) {
  Json object = Json::object();
  put(object, "time_before_ms", totals.time_before_ms);
  put(object, "time_after_ms", totals.time_after_ms);
  object["bytes_before"] = totals.bytes_before;
  object["bytes_after"] = totals.bytes_after;
  put(object, "psnr_db", totals.psnr_db);
  put(object, "ssim", totals.ssim);
  return object;
}

template <typename T>
Json to_list(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(to_json(item));
  return list;
}

}  // namespace

std::string report_json(const QuantizationReport& report) {
  Json provenance = Json::object();
  for (const auto& [name, value] : report.provenance) provenance[name] = value;
  Json json = {{"model", report.model}};
  json["provenance"] = provenance;
  json["totals"] = to_json(report.totals);
  json["budgets"] = to_list(report.budgets);
  json["curves"] = to_list(report.curves);
  json["pictures"] = to_list(report.pictures);
  json["layers"] = to_list(report.layers);
  // Names come from files: what is no UTF-8 becomes U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace edgefusion::quant
