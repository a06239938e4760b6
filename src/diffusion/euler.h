#pragma once

#include "diffusion/scheduler.h"
#include "diffusion/sigma_schedule.h"

namespace edgefusion::diffusion {

/// Base of the two Euler samplers, which walk x + sigma * noise without scaling the signal
/// (Karras et al. 2022); the network sees the sample divided by sqrt(sigma^2 + 1).
class EulerBase : public Scheduler {
 public:
  void scale_model_input(std::span<float> sample, size_t i) const override;
  void add_noise(std::span<const float> clean, std::span<const float> noise, size_t i,
                 std::span<float> dst) const override;

 protected:
  explicit EulerBase(PredictionType type) : type_(type) {}
  void set_schedule(SigmaSchedule schedule, bool scaled_start);
  float predicted_x0(float model_output, float sample, float sigma) const;
  float sigma_at(size_t index) const { return sigmas_[index]; }

 private:
  PredictionType type_;
  std::vector<float> sigmas_;
};

/// Euler's method on the probability-flow ODE; diffusers EulerDiscreteScheduler without churn.
class EulerScheduler final : public EulerBase {
 public:
  static Result<std::unique_ptr<Scheduler>> make(const SchedulerConfig& config,
                                                 const SchedulerOptions& options);

 protected:
  void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                 NoiseGenerator& noise) override;

 private:
  explicit EulerScheduler(PredictionType type) : EulerBase(type) {}
};

/// Euler steps that go below the next level and come back up with new noise; diffusers
/// EulerAncestralDiscreteScheduler. Draws noise at every call, the last included.
class EulerAncestralScheduler final : public EulerBase {
 public:
  static Result<std::unique_ptr<Scheduler>> make(const SchedulerConfig& config,
                                                 const SchedulerOptions& options);

 protected:
  void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                 NoiseGenerator& noise) override;

 private:
  explicit EulerAncestralScheduler(PredictionType type) : EulerBase(type) {}

  std::vector<float> noise_;
};

}  // namespace edgefusion::diffusion
