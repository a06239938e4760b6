#include "diffusion/lcm.h"

#include <cmath>

#include "diffusion/timesteps.h"

namespace edgefusion::diffusion {

Result<std::vector<double>> lcm_timesteps(const SchedulerOptions& options, int original_steps,
                                          int train_steps) {
  const auto refuse = [](const std::string& text) {
    return fail(ErrorCode::invalid_argument, text);
  };
  if (original_steps < 1 || original_steps > train_steps) {
    return refuse("original_inference_steps: " + std::to_string(original_steps) +
                  ", expected 1 to " + std::to_string(train_steps));
  }
  const int grid = static_cast<int>(original_steps * options.strength);
  if (options.steps > grid) {
    std::string text = "steps: " + std::to_string(options.steps) + ", but this LCM allows " +
                       std::to_string(original_steps) + " (original_inference_steps)";
    if (options.strength < 1.0) {
      text += ", " + std::to_string(grid) + " at strength " + std::to_string(options.strength);
    }
    return refuse(text);
  }
  const int stride = train_steps / original_steps;
  std::vector<double> timesteps;
  const double skip = static_cast<double>(grid) / options.steps;
  for (int i = 0; i < options.steps; ++i) {
    const int from_top = static_cast<int>(std::floor(i * skip));
    timesteps.push_back((grid - from_top) * stride - 1);
  }
  return timesteps;
}

LcmScheduler::LcmScheduler(const SchedulerConfig& config, PredictionType type, int images)
    : type_(type),
      bounds_(config, /*may_clip=*/true, images),
      timestep_scaling_(config.timestep_scaling) {}

Result<std::unique_ptr<Scheduler>> LcmScheduler::make(const SchedulerConfig& config,
                                                      const SchedulerOptions& options) {
  EF_TRY(const PredictionType type, parse_prediction_type(config, /*allow_sample=*/true));
  const int original = options.original_steps.value_or(config.original_inference_steps);
  EF_TRY(const std::vector<double> timesteps,
         lcm_timesteps(options, original, config.num_train_timesteps));
  std::unique_ptr<LcmScheduler> scheduler(new LcmScheduler(config, type, options.images));
  EF_TRY_STATUS(scheduler->set_tables(config, type, timesteps));
  return scheduler;
}

void LcmScheduler::take_step(std::span<const float> model_output, size_t index,
                             std::span<float> sample, NoiseGenerator& noise) {
  const SignalAndNoise level = signal_and_noise(alpha_at(timestep_at(index)));
  x0_.resize(sample.size());
  for (size_t j = 0; j < sample.size(); ++j) {
    x0_[j] = predicted_x0(type_, model_output[j], sample[j], level);
  }
  bounds_.apply(x0_);

  // Boundary conditions: at t = 0 the consistency function is the identity (eq. 9 there).
  constexpr double kSigmaData = 0.5;
  const double t = timestep_at(index) * timestep_scaling_;
  const double norm = t * t + kSigmaData * kSigmaData;
  const auto c_skip = static_cast<float>(kSigmaData * kSigmaData / norm);
  const auto c_out = static_cast<float>(t / std::sqrt(norm));
  for (size_t j = 0; j < sample.size(); ++j) sample[j] = c_out * x0_[j] + c_skip * sample[j];

  if (index + 1 == timesteps_.size()) return;  // the last x0 is the result
  const SignalAndNoise next = signal_and_noise(alpha_at(timestep_at(index + 1)));
  noise_.resize(sample.size());
  noise.randn(noise_);
  for (size_t j = 0; j < sample.size(); ++j) {
    sample[j] = next.signal * sample[j] + next.noise * noise_[j];
  }
}

}  // namespace edgefusion::diffusion
