#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <vector>

#include "core/result.h"
#include "diffusion/scheduler.h"

namespace edgefusion::diffusion {

/// Latents of a batch, [N,C,H,W] in NCHW order.
using Latents = std::vector<float>;

/// One network call (or two with guidance): fills model_output from the scaled sample, both NCHW.
/// step counts from 0. Its error ends the walk.
using Denoiser = std::function<Status(std::span<const float> model_input, float timestep,
                                      size_t step, std::span<float> model_output)>;

struct SampleOptions {
  /// After each step: steps done, all steps, and the latents, which may be changed (inpainting
  /// puts the known part back here).
  std::function<void(size_t done, size_t total, std::span<float> latents)> after_step;
  const std::atomic<bool>* cancel = nullptr;  ///< looked at before each step
};

/// Where text to image begins: the noise, scaled to the first level.
Latents initial_latents(const Scheduler& scheduler, std::span<const float> noise);
/// Where image to image begins: clean latents with the noise of the first level that is run.
Latents initial_latents(const Scheduler& scheduler, std::span<const float> clean,
                        std::span<const float> noise);

/// Walks the whole schedule. Errors: cancelled, and what the denoiser gives.
Result<Latents> sample(Scheduler& scheduler, const Denoiser& denoiser, Latents latents,
                       NoiseGenerator& noise, const SampleOptions& options = {});

}  // namespace edgefusion::diffusion
