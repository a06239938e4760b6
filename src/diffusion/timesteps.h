#pragma once

#include <string>
#include <vector>

#include "core/result.h"

namespace edgefusion::diffusion {

enum class TimestepSpacing { linspace, leading, trailing };

/// Errors: unsupported, for another name.
Result<TimestepSpacing> parse_timestep_spacing(const std::string& name);

/// Timesteps from high to low as DDIM and Euler of diffusers choose them; fractional for linspace
/// unless rounded. steps in [1, train_steps].
std::vector<double> spaced_timesteps(TimestepSpacing spacing, int steps, int train_steps,
                                     int offset);

/// The same for schedulers that index training steps: rounded, and without the step -1 that
/// trailing gains for some counts (61 of 1000, say) by the rounding of numpy.arange. diffusers
/// keeps it and reads the noisiest level there, which spoils the picture.
std::vector<double> spaced_training_steps(TimestepSpacing spacing, int steps, int train_steps,
                                          int offset);

/// DPM-Solver's: one more point than steps, the lowest dropped, rounded to integers.
/// last is train_steps, or less when the schedule is clipped.
std::vector<double> spaced_timesteps_dpm(TimestepSpacing spacing, int steps, int train_steps,
                                         int last, int offset);

/// numpy.linspace and numpy.arange, with their roundings.
std::vector<double> linspace(double start, double stop, int count);
std::vector<double> arange(double start, double stop, double step);

/// Half to even, as numpy rounds.
void round_all(std::vector<double>& values);

}  // namespace edgefusion::diffusion
