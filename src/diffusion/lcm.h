#pragma once

#include "diffusion/alpha_steps.h"

namespace edgefusion::diffusion {

/// Multistep consistency sampling: each call predicts x0, which is noised again to the next
/// timestep. Source: Luo et al. 2023 (arXiv 2310.04378); diffusers LCMScheduler.
class LcmScheduler final : public AlphaScheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> make(const SchedulerConfig& config,
                                                 const SchedulerOptions& options);

 protected:
  void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                 NoiseGenerator& noise) override;

 private:
  LcmScheduler(const SchedulerConfig& config, PredictionType type, int images);

  PredictionType type_;
  SampleBounds bounds_;
  double timestep_scaling_;
  std::vector<float> x0_;
  std::vector<float> noise_;
};

/// The training (distillation) grid of `original_steps` points, its first `strength` part, thinned
/// to `steps`: 2 of 50 over 1000 are 999 and 499. Errors: invalid_argument when they do not fit.
Result<std::vector<double>> lcm_timesteps(const SchedulerOptions& options, int original_steps,
                                          int train_steps);

}  // namespace edgefusion::diffusion
