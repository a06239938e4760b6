#pragma once

#include <deque>

#include "diffusion/alpha_steps.h"

namespace edgefusion::diffusion {

/// Pseudo numerical methods (Liu et al. 2022, arXiv 2202.09778); diffusers PNDMScheduler. With
/// skip_prk_steps, as Stable Diffusion 1.x is published, it is PLMS: linear multistep of up to
/// four network outputs, whose second call repeats the second timestep (steps + 1 calls). Without,
/// the first three intervals are taken by Runge-Kutta, four calls each.
class PndmScheduler final : public AlphaScheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> make(const SchedulerConfig& config,
                                                 const SchedulerOptions& options);

 protected:
  void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                 NoiseGenerator& noise) override;
  void start_walk() override;

 private:
  PndmScheduler(const SchedulerConfig& config, PredictionType type, int steps);
  void runge_kutta_step(std::span<const float> model_output, int timestep, std::span<float> sample);
  void multistep_step(std::span<const float> model_output, int timestep, std::span<float> sample);
  void combine_history(std::span<const float> model_output);
  /// Formula (9): from timestep to `to` along the direction in `direction_`.
  void transfer(int timestep, int to, std::span<float> sample) const;

  PredictionType type_;
  int stride_;                              // training steps between two calls
  std::vector<int> prk_timesteps_;          // of the Runge-Kutta calls, empty for PLMS
  size_t counter_ = 0;                      // calls made; strength does not count into it
  std::deque<std::vector<float>> outputs_;  // of the network, newest first, at most 4
  std::vector<float> start_;                // sample at the start of the interval
  std::vector<float> sum_;                  // weighted Runge-Kutta outputs so far
  std::vector<float> direction_;
};

}  // namespace edgefusion::diffusion
