#include "train/loss_chart.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "drawing/line_chart.h"
#include "formats/png.h"

namespace edgefusion::train {
namespace {

using nlohmann::json;

/// Losses may be negative (a critic's): then a logarithmic axis would hide them.
bool all_positive(const std::vector<drawing::ChartSeries>& all) {
  return std::ranges::all_of(all, [](const drawing::ChartSeries& series) {
    return std::ranges::all_of(series.points, [](const auto& point) { return point.y > 0; });
  });
}

}  // namespace

Status write_loss_chart(const std::filesystem::path& metrics, const std::filesystem::path& png) {
  std::map<std::string, drawing::ChartSeries> terms;
  drawing::ChartSeries loss = {.name = "loss", .points = {}};
  std::ifstream file(metrics);
  for (std::string line; std::getline(file, line);) {
    const json entry = json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number()) continue;
    const auto step = entry["step"].get<double>();
    const auto add = [step](drawing::ChartSeries& series, const json& value) {
      if (value.is_number()) series.points.push_back({step, value.get<double>()});
    };
    add(loss, entry.value("loss", json()));
    const json parts = entry.value("terms", json::object());
    for (const auto& [name, value] : parts.items()) {
      terms[name].name = name;
      add(terms[name], value);
    }
  }
  constexpr size_t kShares = 50;  // a moving mean over so small a share of the run
  const size_t smoothing = std::max<size_t>(1, loss.points.size() / kShares);
  std::vector<drawing::ChartSeries> all = {std::move(loss)};
  for (auto& [name, series] : terms) all.push_back(std::move(series));
  const drawing::LineChartOptions options = {
      .x_label = "step", .log_y = all_positive(all), .smoothing = smoothing};
  return formats::write_png(png, drawing::line_chart(all, options));
}

}  // namespace edgefusion::train
