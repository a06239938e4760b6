#include "diffusion/sampler.h"

#include <algorithm>
#include <string>

namespace edgefusion::diffusion {

Latents initial_latents(const Scheduler& scheduler, std::span<const float> noise) {
  Latents latents(noise.begin(), noise.end());
  for (float& value : latents) value *= scheduler.init_noise_sigma();
  return latents;
}

Latents initial_latents(const Scheduler& scheduler, std::span<const float> clean,
                        std::span<const float> noise) {
  Latents latents(clean.size());
  scheduler.add_noise(clean, noise, 0, latents);
  return latents;
}

Result<Latents> sample(Scheduler& scheduler, const Denoiser& denoiser, Latents latents,
                       NoiseGenerator& noise, const SampleOptions& options) {
  const size_t total = scheduler.size();
  Latents model_input(latents.size());
  Latents model_output(latents.size());
  for (size_t i = 0; i < total; ++i) {
    if (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) {
      return fail(ErrorCode::cancelled, "cancelled after " + std::to_string(i) + " of " +
                                            std::to_string(total) + " steps");
    }
    std::copy(latents.begin(), latents.end(), model_input.begin());
    scheduler.scale_model_input(model_input, i);
    EF_TRY_STATUS(denoiser(model_input, scheduler.timesteps()[i], i, model_output));
    scheduler.step(model_output, i, latents, noise);
    if (options.after_step) options.after_step(i + 1, total, latents);
  }
  return latents;
}

}  // namespace edgefusion::diffusion
