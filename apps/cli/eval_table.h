#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/step_scores.h"

namespace edgefusion::cli {

/// A row of `eval steps`.
struct StepRow {
  std::optional<int> steps;  ///< nothing: the real pictures
  eval::PromptScores scores;
  double ms_per_picture = 0;
};

/// The rows as text for people.
std::string step_table(const std::vector<StepRow>& rows);
nlohmann::json to_json(const std::vector<StepRow>& rows);

/// Prints JSON that may hold any bytes.
void print_json(const nlohmann::json& json);

}  // namespace edgefusion::cli
