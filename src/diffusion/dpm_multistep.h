#pragma once

#include <deque>

#include "diffusion/scheduler.h"
#include "diffusion/sigma_schedule.h"

namespace edgefusion::diffusion {

/// DPM-Solver++ multistep, orders 1 to 3, deterministic or stochastic (sde): a polynomial through
/// the last predictions of x0 (Lu et al. 2022, arXiv 2211.01095); diffusers
/// DPMSolverMultistepScheduler.
class DpmMultistepScheduler final : public Scheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> make(const SchedulerConfig& config,
                                                 const SchedulerOptions& options);
  void add_noise(std::span<const float> clean, std::span<const float> noise, size_t i,
                 std::span<float> dst) const override;

 protected:
  void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                 NoiseGenerator& noise) override;
  void start_walk() override { history_.clear(); }

 private:
  struct Level;  // signal, noise and log signal-to-noise of one sigma
  /// What a step multiplies: the sample, x0, its first and second differences, new noise.
  struct Coefficients {
    float sample, x0, first, second, noise;
  };

  DpmMultistepScheduler(const SchedulerConfig& config, PredictionType type, int images);
  Status set_schedule(const SchedulerConfig& config, int steps);
  Level level_at(size_t index) const;
  int order_at(size_t index) const;
  void remember_x0(std::span<const float> model_output, size_t index,
                   std::span<const float> sample);
  Coefficients coefficients(int order, size_t index) const;

  SchedulerConfig config_;
  PredictionType type_;
  int images_;
  bool stochastic_;
  bool heun_;
  std::vector<float> sigmas_;
  std::deque<std::vector<float>> history_;  // predicted x0, newest first, at most solver_order
  std::vector<float> noise_;
};

}  // namespace edgefusion::diffusion
