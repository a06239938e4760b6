#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "diffusion/scheduler_config.h"

namespace edgefusion::diffusion {

/// The noise levels a sampler visits and the training steps they stand for.
struct SigmaSchedule {
  std::vector<double> timesteps;  ///< one per network call, high to low
  std::vector<float> sigmas;      ///< one more: the level after each call too
};

/// Value of the rising table `sigmas` at fractional index t, ends held (numpy.interp).
double interpolate(std::span<const float> sigmas, double t);

/// The fractional index at which log(sigma) lies in the table of logs; ends held.
double timestep_of_sigma(double sigma, std::span<const float> log_sigmas);

/// Karras et al. 2022, eq. 5 with rho 7, and its exponential sibling: from the highest level of
/// `range` to the lowest, in `steps` values. config.sigma_min and sigma_max replace the ends.
std::vector<double> karras_sigmas(std::span<const double> range, int steps,
                                  const SchedulerConfig& config);
std::vector<double> exponential_sigmas(std::span<const double> range, int steps,
                                       const SchedulerConfig& config);

/// f32 logarithms of the training sigmas.
std::vector<float> logs_of(std::span<const float> sigmas);

/// The level after the last call: 0, or the lowest of training. Errors: unsupported.
Result<float> final_sigma(const SchedulerConfig& config, std::span<const float> training_sigmas);

/// Errors: unsupported, for spacings of the noise levels that are not implemented or contradict.
Status check_sigma_flags(const SchedulerConfig& config);

}  // namespace edgefusion::diffusion
