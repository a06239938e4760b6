#pragma once

#include <vector>

#include "core/result.h"
#include "diffusion/scheduler_config.h"

namespace edgefusion::diffusion {

/// Cumulative products of (1 - beta), one per training step, in f32 with the roundings of
/// diffusers: linear, scaled_linear, squaredcos_cap_v2 or trained betas, rescaled to zero terminal
/// signal-to-noise on request (the last value is 0 then).
/// Errors: unsupported for another beta_schedule, bad_file for betas that leave no signal at all.
Result<std::vector<float>> alphas_cumprod(const SchedulerConfig& config);

/// sqrt((1 - a) / a) per training step, rising: the noise levels of a variance-exploding view.
/// A zero-SNR schedule ends at 4096 (a = 2^-24) instead of infinity, as in diffusers.
std::vector<float> training_sigmas(std::vector<float> alphas_cumprod, bool zero_snr);

/// torch.linspace in f32: both halves are computed from their own end.
std::vector<float> linspace_f32(double start, double end, size_t count);

}  // namespace edgefusion::diffusion
