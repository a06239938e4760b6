#pragma once

#include "diffusion/alpha_steps.h"

namespace edgefusion::diffusion {

/// Denoising diffusion implicit models (Song et al. 2020, eq. 12); diffusers DDIMScheduler.
class DdimScheduler final : public AlphaScheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> make(const SchedulerConfig& config,
                                                 const SchedulerOptions& options);

 protected:
  void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                 NoiseGenerator& noise) override;

 private:
  DdimScheduler(const SchedulerConfig& config, PredictionType type,
                const SchedulerOptions& options);

  PredictionType type_;
  SampleBounds bounds_;
  float eta_;
  int stride_;  // training steps between two calls
  std::vector<float> x0_;
  std::vector<float> noise_;
};

}  // namespace edgefusion::diffusion
