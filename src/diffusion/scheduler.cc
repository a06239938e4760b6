#include "diffusion/scheduler.h"

#include <algorithm>

namespace edgefusion::diffusion {

void Scheduler::scale_model_input(std::span<float>, size_t) const {}

void Scheduler::step(std::span<const float> model_output, size_t i, std::span<float> sample,
                     NoiseGenerator& noise) {
  EF_CHECK(model_output.size() == sample.size(), "model output and sample have one size");
  EF_CHECK(i < size() && (i == 0 || i == next_), "steps are taken in order");
  if (i == 0) start_walk();
  next_ = i + 1;
  take_step(model_output, begin_ + i, sample, noise);
}

Status Scheduler::cut_to_strength(const SchedulerOptions& options) {
  const int kept = std::min(static_cast<int>(options.steps * options.strength), options.steps);
  if (kept < 1) {
    return fail(ErrorCode::invalid_argument, "strength " + std::to_string(options.strength) +
                                                 " of " + std::to_string(options.steps) +
                                                 " steps leaves none; use more steps");
  }
  begin_ = static_cast<size_t>(options.steps - kept);
  EF_CHECK(begin_ < timesteps_.size(), "a schedule has at least as many calls as steps");
  return {};
}

}  // namespace edgefusion::diffusion
