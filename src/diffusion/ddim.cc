#include "diffusion/ddim.h"

#include <cmath>

#include "diffusion/timesteps.h"

namespace edgefusion::diffusion {

DdimScheduler::DdimScheduler(const SchedulerConfig& config, PredictionType type,
                             const SchedulerOptions& options)
    : type_(type),
      bounds_(config, /*may_clip=*/true, options.images),
      eta_(static_cast<float>(options.eta)),
      stride_(config.num_train_timesteps / options.steps) {}

Result<std::unique_ptr<Scheduler>> DdimScheduler::make(const SchedulerConfig& config,
                                                       const SchedulerOptions& options) {
  EF_TRY(const PredictionType type, parse_prediction_type(config, /*allow_sample=*/true));
  EF_TRY(const TimestepSpacing spacing, parse_timestep_spacing(config.timestep_spacing));
  const std::vector<double> timesteps = spaced_training_steps(
      spacing, options.steps, config.num_train_timesteps, config.steps_offset);
  std::unique_ptr<DdimScheduler> scheduler(new DdimScheduler(config, type, options));
  EF_TRY_STATUS(scheduler->set_tables(config, type, timesteps));
  EF_TRY_STATUS(scheduler->cut_to_strength(options));
  return scheduler;
}

void DdimScheduler::take_step(std::span<const float> model_output, size_t index,
                              std::span<float> sample, NoiseGenerator& noise) {
  const int timestep = timestep_at(index);
  const float alpha = alpha_at(timestep);
  const float alpha_next = alpha_at(timestep - stride_);
  const SignalAndNoise level = signal_and_noise(alpha);
  x0_.resize(sample.size());
  for (size_t j = 0; j < sample.size(); ++j) {
    x0_[j] = predicted_x0(type_, model_output[j], sample[j], level);
  }
  bounds_.apply(x0_);

  // sigma(eta), eq. 16; the noise direction takes what variance it leaves.
  const float variance = (1.0f - alpha_next) / (1.0f - alpha) * (1.0f - alpha / alpha_next);
  const float sigma = eta_ > 0.0f ? eta_ * std::sqrt(variance) : 0.0f;
  const float direction = std::sqrt(1.0f - alpha_next - sigma * sigma);
  const float signal_next = std::sqrt(alpha_next);
  for (size_t j = 0; j < sample.size(); ++j) {
    // A network of type `sample` gives x0 before it is clipped, and so is its noise.
    const float epsilon = predicted_noise(type_, model_output[j], sample[j], level);
    sample[j] = signal_next * x0_[j] + direction * epsilon;
  }
  if (eta_ <= 0.0f) return;
  noise_.resize(sample.size());
  noise.randn(noise_);
  for (size_t j = 0; j < sample.size(); ++j) sample[j] += sigma * noise_[j];
}

}  // namespace edgefusion::diffusion
