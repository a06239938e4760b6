#include "cli/eval_table.h"

#include <fmt/format.h>

namespace edgefusion::cli {

std::string step_table(const std::vector<StepRow>& rows) {
  std::string text = fmt::format("{:>6} {:>8} {:>9} {:>9} {:>8} {:>7} {:>11}\n", "steps", "CLIP",
                                 "recall@1", "recall@5", "FID", "IS", "ms/picture");
  for (const StepRow& row : rows) {
    const auto& distance = row.scores.frechet_distance;
    text +=
        fmt::format("{:>6} {:>8.2f} {:>9.3f} {:>9.3f} {:>8} {:>7.2f} {:>11}\n",
                    row.steps ? std::to_string(*row.steps) : "real", row.scores.clip_score,
                    row.scores.recall_at_1, row.scores.recall_at_5,
                    distance ? fmt::format("{:.3f}", *distance) : "-", row.scores.inception_score,
                    row.steps ? fmt::format("{:.1f}", row.ms_per_picture) : "-");
  }
  return text;
}

nlohmann::json to_json(const std::vector<StepRow>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const StepRow& row : rows) {
    nlohmann::json entry = {{"clip_score", row.scores.clip_score},
                            {"recall_at_1", row.scores.recall_at_1},
                            {"recall_at_5", row.scores.recall_at_5},
                            {"inception_score", row.scores.inception_score},
                            {"fid", nullptr}};
    if (row.scores.frechet_distance) entry["fid"] = *row.scores.frechet_distance;
    if (row.steps) {
      entry["steps"] = *row.steps;
      entry["ms_per_picture"] = row.ms_per_picture;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

void print_json(const nlohmann::json& json) {
  fmt::print("{}\n", json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace edgefusion::cli
