#include "train/learning_rate.h"

#include <cmath>
#include <numbers>

namespace edgefusion::train {

double learning_rate_at(const RunConfig& config, int64_t step) {
  if (step < config.warmup_steps) {
    return config.learning_rate * static_cast<double>(step + 1) /
           static_cast<double>(config.warmup_steps);
  }
  if (config.schedule != "cosine") return config.learning_rate;
  const auto done = static_cast<double>(step - config.warmup_steps);
  const auto all = static_cast<double>(config.steps - config.warmup_steps);
  return config.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * done / all));
}

}  // namespace edgefusion::train
