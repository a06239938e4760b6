#include "diffusion/dpm_multistep.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/alpha_steps.h"
#include "diffusion/noise_schedule.h"
#include "diffusion/timesteps.h"

namespace edgefusion::diffusion {
namespace {

// Schedules shorter than this end with lower orders (a constant of diffusers).
constexpr size_t kFewSteps = 15;

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Training steps below the clipped log signal-to-noise (all of them when nothing is clipped).
int last_timestep(std::span<const float> alphas_cumprod, double lambda_min) {
  int kept = 0;
  for (const float alpha : alphas_cumprod) {
    const float lambda = std::log(std::sqrt(alpha)) - std::log(std::sqrt(1.0f - alpha));
    if (static_cast<double>(lambda) >= lambda_min) ++kept;
  }
  return kept;
}

}  // namespace

struct DpmMultistepScheduler::Level {
  float signal, noise, lambda;
};

DpmMultistepScheduler::DpmMultistepScheduler(const SchedulerConfig& config, PredictionType type,
                                             int images)
    : config_(config),
      type_(type),
      images_(images),
      stochastic_(config.algorithm_type == "sde-dpmsolver++"),
      heun_(config.solver_type == "heun") {}

Result<std::unique_ptr<Scheduler>> DpmMultistepScheduler::make(const SchedulerConfig& config,
                                                               const SchedulerOptions& options) {
  EF_TRY(const PredictionType type, parse_prediction_type(config, /*allow_sample=*/true));
  EF_TRY_STATUS(check_sigma_flags(config));
  // "deis" and the names after midpoint and heun come from configs of related solvers; diffusers
  // maps them in the same way.
  if (!one_of(config.algorithm_type, {"dpmsolver++", "sde-dpmsolver++", "deis"})) {
    return fail(ErrorCode::unsupported, "algorithm_type \"" + config.algorithm_type +
                                            "\", expected dpmsolver++ or sde-dpmsolver++");
  }
  if (!one_of(config.solver_type, {"midpoint", "heun", "logrho", "bh1", "bh2"})) {
    return fail(ErrorCode::unsupported,
                "solver_type \"" + config.solver_type + "\", expected midpoint or heun");
  }
  std::unique_ptr<DpmMultistepScheduler> scheduler(
      new DpmMultistepScheduler(config, type, options.images));
  EF_TRY_STATUS(scheduler->set_schedule(config, options.steps));
  EF_TRY_STATUS(scheduler->cut_to_strength(options));
  return scheduler;
}

Status DpmMultistepScheduler::set_schedule(const SchedulerConfig& config, int steps) {
  EF_TRY(const TimestepSpacing spacing, parse_timestep_spacing(config.timestep_spacing));
  EF_TRY(alphas_cumprod_, diffusion::alphas_cumprod(config));
  if (config.rescale_betas_zero_snr) alphas_cumprod_.back() = 0x1p-24f;
  const std::vector<float> training = training_sigmas(alphas_cumprod_, false);
  const int last = last_timestep(alphas_cumprod_, config.lambda_min_clipped);
  if (last < 1) {
    return fail(ErrorCode::unsupported,
                "lambda_min_clipped: " + std::to_string(config.lambda_min_clipped) +
                    " leaves no training step");
  }
  std::vector<double> timesteps =
      spaced_timesteps_dpm(spacing, steps, config.num_train_timesteps, last, config.steps_offset);
  std::vector<double> sigmas;
  if (config.use_karras_sigmas || config.use_exponential_sigmas) {
    const std::vector<double> range = {static_cast<double>(training.back()),
                                       static_cast<double>(training.front())};
    sigmas = config.use_karras_sigmas ? karras_sigmas(range, steps, config)
                                      : exponential_sigmas(range, steps, config);
    const std::vector<float> logs = logs_of(training);
    timesteps.clear();
    for (const double sigma : sigmas) timesteps.push_back(timestep_of_sigma(sigma, logs));
    const bool round = config.use_karras_sigmas && config.beta_schedule != "squaredcos_cap_v2";
    if (round) round_all(timesteps);
  } else {
    for (const double t : timesteps) sigmas.push_back(interpolate(training, t));
  }
  if (timesteps.empty()) {
    return fail(ErrorCode::unsupported,
                "lambda_min_clipped leaves no timestep for " + std::to_string(steps) + " steps");
  }
  sigmas_.assign(sigmas.begin(), sigmas.end());
  EF_TRY(const float last_sigma, final_sigma(config, training));
  sigmas_.push_back(last_sigma);
  // The network is told whole training steps (a cast to integers in diffusers).
  for (const double t : timesteps) timesteps_.push_back(static_cast<float>(std::trunc(t)));
  return {};
}

DpmMultistepScheduler::Level DpmMultistepScheduler::level_at(size_t index) const {
  const float sigma = sigmas_[index];
  const float signal = 1.0f / std::sqrt(sigma * sigma + 1.0f);
  const float noise = sigma * signal;
  return {signal, noise, std::log(signal) - std::log(noise)};
}

void DpmMultistepScheduler::add_noise(std::span<const float> clean, std::span<const float> noise,
                                      size_t i, std::span<float> dst) const {
  EF_CHECK(clean.size() == dst.size() && noise.size() == dst.size(), "three spans of one size");
  EF_CHECK(i < size(), "noise of a level of the schedule");
  const Level level = level_at(begin() + i);
  for (size_t j = 0; j < dst.size(); ++j) {
    dst[j] = level.signal * clean[j] + level.noise * noise[j];
  }
}

// A new walk starts at order 1 and grows with its history; the end is taken at low order because
// the logarithm of the last level is infinite, or for stability when there are few steps.
int DpmMultistepScheduler::order_at(size_t index) const {
  const size_t count = timesteps_.size();
  const bool few = config_.lower_order_final && count < kFewSteps;
  const bool last = index + 1 == count;
  if (last && (config_.euler_at_final || few || config_.final_sigmas_type == "zero")) return 1;
  const int known = std::min(static_cast<int>(history_.size()), config_.solver_order);
  const bool second_last = index + 2 == count;
  return second_last && few ? std::min(known, 2) : known;
}

void DpmMultistepScheduler::remember_x0(std::span<const float> model_output, size_t index,
                                        std::span<const float> sample) {
  std::vector<float> x0;
  if (history_.size() == static_cast<size_t>(config_.solver_order)) {
    x0 = std::move(history_.back());
    history_.pop_back();
  }
  x0.resize(sample.size());
  const Level level = level_at(index);
  for (size_t j = 0; j < sample.size(); ++j) {
    x0[j] = predicted_x0(type_, model_output[j], sample[j], {level.signal, level.noise});
  }
  SampleBounds(config_, /*may_clip=*/false, images_).apply(x0);
  history_.push_front(std::move(x0));
}

DpmMultistepScheduler::Coefficients DpmMultistepScheduler::coefficients(int order,
                                                                        size_t index) const {
  const Level next = level_at(index + 1);
  const Level now = level_at(index);
  const float h = next.lambda - now.lambda;
  // Both forms integrate exp(lambda) times a polynomial; the stochastic one does so at twice the
  // rate and makes up for the lost variance with noise.
  const float rate = stochastic_ ? 2.0f * h : h;
  const float decay = std::exp(-rate) - 1.0f;
  Coefficients c{};
  c.sample = next.noise / now.noise * (stochastic_ ? std::exp(-h) : 1.0f);
  c.x0 = -(next.signal * decay);
  if (stochastic_) c.noise = next.noise * std::sqrt(1.0f - std::exp(-2.0f * h));
  if (order == 2 && !heun_) c.first = 0.5f * c.x0;
  if (order == 3 || (order == 2 && heun_)) c.first = next.signal * (decay / rate + 1.0f);
  // The sign of 0.5 in the stochastic form is that of diffusers, which is followed to the letter.
  const float half = stochastic_ ? 0.5f : -0.5f;
  if (order == 3) c.second = -(next.signal * ((decay + rate) / (rate * rate) + half));
  return c;
}

void DpmMultistepScheduler::take_step(std::span<const float> model_output, size_t index,
                                      std::span<float> sample, NoiseGenerator& noise) {
  remember_x0(model_output, index, sample);
  if (stochastic_) {
    noise_.resize(sample.size());
    noise.randn(noise_);
  }
  const int order = order_at(index);
  const Coefficients c = coefficients(order, index);
  const float h = level_at(index + 1).lambda - level_at(index).lambda;
  const float r0 = order >= 2 ? (level_at(index).lambda - level_at(index - 1).lambda) / h : 1.0f;
  const float r1 =
      order == 3 ? (level_at(index - 1).lambda - level_at(index - 2).lambda) / h : 1.0f;
  const float* m0 = history_[0].data();
  const float* m1 = order >= 2 ? history_[1].data() : m0;
  const float* m2 = order == 3 ? history_[2].data() : m1;
  for (size_t j = 0; j < sample.size(); ++j) {
    float value = c.sample * sample[j] + c.x0 * m0[j];
    const float slope = (1.0f / r0) * (m0[j] - m1[j]);
    if (order == 2) value += c.first * slope;
    if (order == 3) {
      const float change = slope - (1.0f / r1) * (m1[j] - m2[j]);
      value += c.first * (slope + r0 / (r0 + r1) * change) + c.second / (r0 + r1) * change;
    }
    if (stochastic_) value += c.noise * noise_[j];
    sample[j] = value;
  }
}

}  // namespace edgefusion::diffusion
