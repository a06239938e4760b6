#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "diffusion/scheduler.h"

namespace edgefusion::diffusion {

/// sqrt(a) and sqrt(1 - a): how much signal and noise a sample of that level holds.
struct SignalAndNoise {
  float signal;
  float noise;
};
SignalAndNoise signal_and_noise(float alpha_cumprod);

/// x0 the network implies, for schedulers that work with sqrt(a) and sqrt(1 - a).
float predicted_x0(PredictionType type, float model_output, float sample, SignalAndNoise level);
/// The noise it implies; x0 is what predicted_x0 gave.
float predicted_noise(PredictionType type, float model_output, float sample, SignalAndNoise level);

/// Keeps predicted x0 in bounds: a fixed range, or per picture the range of most of its values
/// (dynamic thresholding, Saharia et al. 2022).
class SampleBounds {
 public:
  SampleBounds(const SchedulerConfig& config, bool may_clip, int images);
  bool active() const { return clip_ || threshold_; }
  /// In place; the batch splits evenly into pictures.
  void apply(std::span<float> x0) const;

 private:
  void threshold_one(std::span<float> x0) const;

  bool clip_;
  bool threshold_;
  float range_;
  float ratio_;
  float max_;
  int images_;
};

/// Base of the schedulers that index training steps with integer timesteps.
class AlphaScheduler : public Scheduler {
 public:
  void add_noise(std::span<const float> clean, std::span<const float> noise, size_t i,
                 std::span<float> dst) const override;

 protected:
  /// Signal left at a training step; steps below 0 mean "all noise gone".
  float alpha_at(int timestep) const;
  int timestep_at(size_t index) const { return static_cast<int>(timesteps_[index]); }
  /// Takes over the tables. Errors: unsupported when a timestep lies outside of training, or when
  /// an epsilon network would start where no signal is left (zero SNR).
  Status set_tables(const SchedulerConfig& config, PredictionType type,
                    std::span<const double> timesteps);

 private:
  float final_alpha_ = 1.0f;
};

}  // namespace edgefusion::diffusion
