#include "diffusion/pndm.h"

#include <algorithm>
#include <cmath>

#include "diffusion/timesteps.h"

namespace edgefusion::diffusion {
namespace {

constexpr size_t kOrder = 4;       // outputs a multistep step combines
constexpr size_t kCallsPerRk = 4;  // network calls of one Runge-Kutta interval

// Low to high. PLMS: the second highest twice. Its first call goes down one interval, its second
// repairs that step with the mean of both slopes.
std::vector<double> plms_timesteps(const std::vector<double>& rising) {
  std::vector<double> falling(rising.rbegin(), rising.rend());
  if (falling.size() >= 2) falling.insert(falling.begin() + 1, falling[1]);
  return falling;
}

// High to low: start, middle, middle and end of each of the three highest intervals.
std::vector<int> prk_timesteps(const std::vector<double>& rising, int half_stride) {
  std::vector<int> halves;
  for (size_t i = rising.size() - kOrder; i < rising.size(); ++i) {
    halves.push_back(static_cast<int>(rising[i]));
    halves.push_back(static_cast<int>(rising[i]) + half_stride);
  }
  halves.pop_back();
  std::vector<int> doubled;
  for (const int t : halves) doubled.insert(doubled.end(), 2, t);
  return {doubled.rbegin() + 1, doubled.rend() - 1};
}

}  // namespace

PndmScheduler::PndmScheduler(const SchedulerConfig& config, PredictionType type, int steps)
    : type_(type), stride_(config.num_train_timesteps / steps) {}

Result<std::unique_ptr<Scheduler>> PndmScheduler::make(const SchedulerConfig& config,
                                                       const SchedulerOptions& options) {
  EF_TRY(const PredictionType type, parse_prediction_type(config, /*allow_sample=*/false));
  EF_TRY(const TimestepSpacing spacing, parse_timestep_spacing(config.timestep_spacing));
  if (!config.skip_prk_steps && options.steps < static_cast<int>(kOrder)) {
    return fail(ErrorCode::invalid_argument, "steps: " + std::to_string(options.steps) +
                                                 ", expected at least " + std::to_string(kOrder) +
                                                 " for pndm without skip_prk_steps");
  }
  std::vector<double> rising = spaced_training_steps(
      spacing, options.steps, config.num_train_timesteps, config.steps_offset);
  std::reverse(rising.begin(), rising.end());
  std::unique_ptr<PndmScheduler> scheduler(new PndmScheduler(config, type, options.steps));
  std::vector<double> timesteps;
  if (config.skip_prk_steps) {
    timesteps = plms_timesteps(rising);
  } else {
    scheduler->prk_timesteps_ = prk_timesteps(rising, scheduler->stride_ / 2);
    timesteps.assign(scheduler->prk_timesteps_.begin(), scheduler->prk_timesteps_.end());
    timesteps.insert(timesteps.end(), rising.rbegin() + 3, rising.rend());
  }
  SchedulerConfig known = config;
  known.rescale_betas_zero_snr = false;  // PNDM of diffusers does not know it
  EF_TRY_STATUS(scheduler->set_tables(known, type, timesteps));
  EF_TRY_STATUS(scheduler->cut_to_strength(options));
  return scheduler;
}

void PndmScheduler::start_walk() {
  counter_ = 0;
  outputs_.clear();
  start_.clear();
  sum_.clear();
}

void PndmScheduler::transfer(int timestep, int to, std::span<float> sample) const {
  const float alpha = alpha_at(timestep);
  const float alpha_to = alpha_at(to);
  const SignalAndNoise level = signal_and_noise(alpha);
  const float keep = std::sqrt(alpha_to / alpha);
  const float denominator =
      alpha * std::sqrt(1.0f - alpha_to) + std::sqrt(alpha * (1.0f - alpha) * alpha_to);
  for (size_t j = 0; j < sample.size(); ++j) {
    const float epsilon = predicted_noise(type_, direction_[j], sample[j], level);
    sample[j] = keep * sample[j] - (alpha_to - alpha) * epsilon / denominator;
  }
}

void PndmScheduler::take_step(std::span<const float> model_output, size_t index,
                              std::span<float> sample, NoiseGenerator&) {
  direction_.resize(sample.size());
  if (counter_ < prk_timesteps_.size()) {
    runge_kutta_step(model_output, timestep_at(index), sample);
  } else {
    multistep_step(model_output, timestep_at(index), sample);
  }
  ++counter_;
}

void PndmScheduler::runge_kutta_step(std::span<const float> model_output, int timestep,
                                     std::span<float> sample) {
  constexpr float kWeights[kCallsPerRk] = {1.0f / 6, 1.0f / 3, 1.0f / 3, 1.0f / 6};
  const size_t call = counter_ % kCallsPerRk;
  if (call == 0) {
    outputs_.emplace_front(model_output.begin(), model_output.end());
    start_.assign(sample.begin(), sample.end());
    sum_.assign(sample.size(), 0.0f);
  }
  for (size_t j = 0; j < sample.size(); ++j) {
    sum_[j] += kWeights[call] * model_output[j];
    direction_[j] = call + 1 == kCallsPerRk ? sum_[j] : model_output[j];
    sample[j] = start_[j];
  }
  const int to = timestep - (counter_ % 2 == 1 ? 0 : stride_ / 2);
  transfer(prk_timesteps_[counter_ - call], to, sample);
}

void PndmScheduler::multistep_step(std::span<const float> model_output, int timestep,
                                   std::span<float> sample) {
  int to = timestep - stride_;
  if (counter_ == 1) {  // the repair: from the start of the interval once more
    to = timestep;
    timestep += stride_;
  } else {
    if (outputs_.size() == kOrder) outputs_.pop_back();
    outputs_.emplace_front(model_output.begin(), model_output.end());
  }
  combine_history(model_output);
  if (counter_ == 0) start_.assign(sample.begin(), sample.end());
  if (counter_ == 1) std::copy(start_.begin(), start_.end(), sample.begin());
  transfer(timestep, to, sample);
}

// Adams-Bashforth of as many outputs as there are; the repair takes the mean of two slopes.
void PndmScheduler::combine_history(std::span<const float> model_output) {
  const auto at = [this](size_t age, size_t j) { return outputs_[age][j]; };
  for (size_t j = 0; j < direction_.size(); ++j) {
    if (counter_ == 1) {
      direction_[j] = (model_output[j] + at(0, j)) / 2;
    } else if (outputs_.size() == 1) {
      direction_[j] = model_output[j];
    } else if (outputs_.size() == 2) {
      direction_[j] = (3 * at(0, j) - at(1, j)) / 2;
    } else if (outputs_.size() == 3) {
      direction_[j] = (23 * at(0, j) - 16 * at(1, j) + 5 * at(2, j)) / 12;
    } else {
      direction_[j] = (1.0f / 24) * (55 * at(0, j) - 59 * at(1, j) + 37 * at(2, j) - 9 * at(3, j));
    }
  }
}

}  // namespace edgefusion::diffusion
