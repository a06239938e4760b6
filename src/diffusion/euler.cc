#include "diffusion/euler.h"

#include <algorithm>
#include <cmath>

#include "diffusion/noise_schedule.h"
#include "diffusion/timesteps.h"

namespace edgefusion::diffusion {
namespace {

float scale_of(float sigma) { return std::sqrt(sigma * sigma + 1.0f); }

// The training levels between the two ends, evenly spaced in log(sigma); one more than calls.
Result<std::vector<double>> levels(const SchedulerConfig& config, std::span<const float> training,
                                   std::span<const double> timesteps) {
  std::vector<double> sigmas;
  if (config.interpolation_type == "linear") {
    for (const double t : timesteps) sigmas.push_back(interpolate(training, t));
    return sigmas;
  }
  if (config.interpolation_type == "log_linear") {
    const std::vector<float> logs = logs_of(training);
    for (const float log_sigma : linspace_f32(logs.back(), logs.front(), timesteps.size() + 1)) {
      sigmas.push_back(static_cast<double>(std::exp(log_sigma)));
    }
    return sigmas;
  }
  return fail(ErrorCode::unsupported, "interpolation_type \"" + config.interpolation_type +
                                          "\", expected linear or log_linear");
}

// Timesteps as diffusers holds them: f32, spaced by config.timestep_spacing.
Result<std::vector<double>> f32_timesteps(const SchedulerConfig& config, int steps) {
  EF_TRY(const TimestepSpacing spacing, parse_timestep_spacing(config.timestep_spacing));
  std::vector<double> timesteps =
      spaced_timesteps(spacing, steps, config.num_train_timesteps, config.steps_offset);
  for (double& t : timesteps) t = static_cast<double>(static_cast<float>(t));
  return timesteps;
}

bool starts_scaled(const SchedulerConfig& config) { return config.timestep_spacing == "leading"; }

Result<SigmaSchedule> euler_schedule(const SchedulerConfig& config, int steps,
                                     std::span<const float> training) {
  EF_TRY_STATUS(check_sigma_flags(config));
  SigmaSchedule schedule;
  EF_TRY(schedule.timesteps, f32_timesteps(config, steps));
  EF_TRY(std::vector<double> sigmas, levels(config, training, schedule.timesteps));
  if (config.use_karras_sigmas || config.use_exponential_sigmas) {
    sigmas = config.use_karras_sigmas ? karras_sigmas(sigmas, steps, config)
                                      : exponential_sigmas(sigmas, steps, config);
    const std::vector<float> logs = logs_of(training);
    schedule.timesteps.clear();
    for (const double sigma : sigmas) {
      schedule.timesteps.push_back(timestep_of_sigma(sigma, logs));
    }
  }
  schedule.sigmas.assign(sigmas.begin(), sigmas.end());
  EF_TRY(const float last, final_sigma(config, training));
  schedule.sigmas.push_back(last);
  if (config.timestep_type == "continuous" && config.prediction_type == "v_prediction") {
    for (size_t i = 0; i < schedule.timesteps.size(); ++i) {
      schedule.timesteps[i] = static_cast<double>(0.25f * std::log(schedule.sigmas[i]));
    }
  } else if (config.timestep_type != "continuous" && config.timestep_type != "discrete") {
    return fail(ErrorCode::unsupported,
                "timestep_type \"" + config.timestep_type + "\", expected discrete or continuous");
  }
  return schedule;
}

}  // namespace

void EulerBase::set_schedule(SigmaSchedule schedule, bool scaled_start) {
  timesteps_.assign(schedule.timesteps.begin(), schedule.timesteps.end());
  sigmas_ = std::move(schedule.sigmas);
  const float highest = *std::max_element(sigmas_.begin(), sigmas_.end());
  init_noise_sigma_ = scaled_start ? scale_of(highest) : highest;
}

void EulerBase::scale_model_input(std::span<float> sample, size_t i) const {
  EF_CHECK(i < size(), "a call of the schedule");
  const float scale = scale_of(sigmas_[begin() + i]);
  for (float& value : sample) value /= scale;
}

void EulerBase::add_noise(std::span<const float> clean, std::span<const float> noise, size_t i,
                          std::span<float> dst) const {
  EF_CHECK(clean.size() == dst.size() && noise.size() == dst.size(), "three spans of one size");
  EF_CHECK(i < size(), "noise of a level of the schedule");
  const float sigma = sigmas_[begin() + i];
  for (size_t j = 0; j < dst.size(); ++j) dst[j] = clean[j] + noise[j] * sigma;
}

float EulerBase::predicted_x0(float model_output, float sample, float sigma) const {
  if (type_ == PredictionType::epsilon) return sample - sigma * model_output;
  if (type_ == PredictionType::sample) return model_output;
  const float c_out = -sigma / scale_of(sigma);
  return model_output * c_out + sample / (sigma * sigma + 1.0f);
}

Result<std::unique_ptr<Scheduler>> EulerScheduler::make(const SchedulerConfig& config,
                                                        const SchedulerOptions& options) {
  EF_TRY(const PredictionType type, parse_prediction_type(config, /*allow_sample=*/true));
  std::unique_ptr<EulerScheduler> scheduler(new EulerScheduler(type));
  EF_TRY(scheduler->alphas_cumprod_, diffusion::alphas_cumprod(config));
  const std::vector<float> training =
      training_sigmas(scheduler->alphas_cumprod_, config.rescale_betas_zero_snr);
  EF_TRY(SigmaSchedule schedule, euler_schedule(config, options.steps, training));
  scheduler->set_schedule(std::move(schedule), starts_scaled(config));
  EF_TRY_STATUS(scheduler->cut_to_strength(options));
  return scheduler;
}

void EulerScheduler::take_step(std::span<const float> model_output, size_t index,
                               std::span<float> sample, NoiseGenerator&) {
  const float sigma = sigma_at(index);
  const float dt = sigma_at(index + 1) - sigma;
  for (size_t j = 0; j < sample.size(); ++j) {
    const float derivative = (sample[j] - predicted_x0(model_output[j], sample[j], sigma)) / sigma;
    sample[j] += derivative * dt;
  }
}

Result<std::unique_ptr<Scheduler>> EulerAncestralScheduler::make(const SchedulerConfig& config,
                                                                 const SchedulerOptions& options) {
  EF_TRY(const PredictionType type, parse_prediction_type(config, /*allow_sample=*/false));
  std::unique_ptr<EulerAncestralScheduler> scheduler(new EulerAncestralScheduler(type));
  EF_TRY(scheduler->alphas_cumprod_, diffusion::alphas_cumprod(config));
  const std::vector<float> training =
      training_sigmas(scheduler->alphas_cumprod_, config.rescale_betas_zero_snr);
  SigmaSchedule schedule;
  EF_TRY(schedule.timesteps, f32_timesteps(config, options.steps));
  for (const double t : schedule.timesteps) {
    schedule.sigmas.push_back(static_cast<float>(interpolate(training, t)));
  }
  schedule.sigmas.push_back(0.0f);
  scheduler->set_schedule(std::move(schedule), starts_scaled(config));
  EF_TRY_STATUS(scheduler->cut_to_strength(options));
  return scheduler;
}

void EulerAncestralScheduler::take_step(std::span<const float> model_output, size_t index,
                                        std::span<float> sample, NoiseGenerator& noise) {
  const float from = sigma_at(index);
  const float to = sigma_at(index + 1);
  const float up = std::sqrt(to * to * (from * from - to * to) / (from * from));
  const float down = std::sqrt(to * to - up * up);
  const float dt = down - from;
  noise_.resize(sample.size());
  noise.randn(noise_);
  for (size_t j = 0; j < sample.size(); ++j) {
    const float derivative = (sample[j] - predicted_x0(model_output[j], sample[j], from)) / from;
    sample[j] = sample[j] + derivative * dt + noise_[j] * up;
  }
}

}  // namespace edgefusion::diffusion
