#include "diffusion/alpha_steps.h"

#include <algorithm>
#include <cmath>

#include "diffusion/noise_schedule.h"

namespace edgefusion::diffusion {
namespace {

// torch.quantile along one picture: linear interpolation between the two nearest ranks.
float quantile(std::vector<float>& values, float ratio) {
  const float rank = ratio * static_cast<float>(values.size() - 1);
  const auto low = static_cast<size_t>(rank);
  const auto at_low = values.begin() + static_cast<std::ptrdiff_t>(low);
  std::nth_element(values.begin(), at_low, values.end());
  const float a = *at_low;
  const float weight = rank - static_cast<float>(low);
  if (weight == 0.0f) return a;
  const float b = *std::min_element(at_low + 1, values.end());
  return weight < 0.5f ? a + weight * (b - a) : b - (b - a) * (1.0f - weight);
}

}  // namespace

SignalAndNoise signal_and_noise(float alpha_cumprod) {
  return {std::sqrt(alpha_cumprod), std::sqrt(1.0f - alpha_cumprod)};
}

float predicted_x0(PredictionType type, float model_output, float sample, SignalAndNoise level) {
  switch (type) {
    case PredictionType::epsilon:
      return (sample - level.noise * model_output) / level.signal;
    case PredictionType::v_prediction:
      return level.signal * sample - level.noise * model_output;
    case PredictionType::sample:
      return model_output;
  }
  EF_CHECK(false, "all prediction types are handled");
}

float predicted_noise(PredictionType type, float model_output, float sample, SignalAndNoise level) {
  switch (type) {
    case PredictionType::epsilon:
      return model_output;
    case PredictionType::v_prediction:
      return level.signal * model_output + level.noise * sample;
    case PredictionType::sample:
      return (sample - level.signal * model_output) / level.noise;
  }
  EF_CHECK(false, "all prediction types are handled");
}

SampleBounds::SampleBounds(const SchedulerConfig& config, bool may_clip, int images)
    : clip_(may_clip && config.clip_sample && !config.thresholding),
      threshold_(config.thresholding),
      range_(static_cast<float>(config.clip_sample_range)),
      ratio_(static_cast<float>(config.dynamic_thresholding_ratio)),
      max_(static_cast<float>(config.sample_max_value)),
      images_(images) {}

void SampleBounds::threshold_one(std::span<float> x0) const {
  if (x0.empty()) return;
  std::vector<float> magnitudes(x0.size());
  for (size_t i = 0; i < x0.size(); ++i) {
    if (std::isnan(x0[i])) return;  // no order, no quantile; the picture is lost already
    magnitudes[i] = std::fabs(x0[i]);
  }
  const float s = std::min(std::max(quantile(magnitudes, ratio_), 1.0f), max_);
  for (float& value : x0) value = std::min(std::max(value, -s), s) / s;
}

void SampleBounds::apply(std::span<float> x0) const {
  if (clip_) {
    for (float& value : x0) value = std::min(std::max(value, -range_), range_);
  }
  if (!threshold_) return;
  const auto images = static_cast<size_t>(images_);
  EF_CHECK(x0.size() % images == 0, "values must split evenly over the pictures");
  const size_t part = x0.size() / images;
  for (size_t i = 0; i < images; ++i) threshold_one(x0.subspan(i * part, part));
}

float AlphaScheduler::alpha_at(int timestep) const {
  return timestep < 0 ? final_alpha_ : alphas_cumprod_[static_cast<size_t>(timestep)];
}

Status AlphaScheduler::set_tables(const SchedulerConfig& config, PredictionType type,
                                  std::span<const double> timesteps) {
  EF_TRY(alphas_cumprod_, diffusion::alphas_cumprod(config));
  final_alpha_ = config.set_alpha_to_one ? 1.0f : alphas_cumprod_.front();
  for (const double t : timesteps) {
    if (t < 0 || t >= config.num_train_timesteps) {
      return fail(ErrorCode::unsupported,
                  "timestep " + std::to_string(static_cast<int64_t>(t)) + " lies outside of the " +
                      std::to_string(config.num_train_timesteps) +
                      " training steps; use another number of steps or steps_offset");
    }
    timesteps_.push_back(static_cast<float>(t));
  }
  EF_CHECK(!timesteps_.empty(), "a schedule has at least one timestep");
  const float highest = *std::max_element(timesteps_.begin(), timesteps_.end());
  if (type == PredictionType::epsilon && alpha_at(static_cast<int>(highest)) == 0.0f) {
    return fail(
        ErrorCode::unsupported,
        "prediction_type epsilon with rescale_betas_zero_snr: no signal is left at timestep " +
            std::to_string(static_cast<int>(highest)) + ", so noise says nothing there");
  }
  return {};
}

void AlphaScheduler::add_noise(std::span<const float> clean, std::span<const float> noise, size_t i,
                               std::span<float> dst) const {
  EF_CHECK(clean.size() == dst.size() && noise.size() == dst.size(), "three spans of one size");
  EF_CHECK(i < size(), "noise of a level of the schedule");
  const SignalAndNoise level = signal_and_noise(alpha_at(timestep_at(begin() + i)));
  for (size_t j = 0; j < dst.size(); ++j) {
    dst[j] = level.signal * clean[j] + level.noise * noise[j];
  }
}

}  // namespace edgefusion::diffusion
