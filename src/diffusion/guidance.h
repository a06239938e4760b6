#pragma once

#include <span>
#include <vector>

namespace edgefusion::diffusion {

/// Whether the network runs twice per step, with and without the prompt: scale above 1, unless the
/// network takes the scale as an input (time_cond_proj_dim), as diffusers decides it.
bool needs_guidance(double guidance_scale, bool has_scale_embedding);

/// Classifier-free guidance: dst = uncond + scale * (cond - uncond). dst may be either input.
void guide(std::span<const float> uncond, std::span<const float> cond, double guidance_scale,
           std::span<float> dst);

/// The input `timestep_cond` of a network distilled over guidance scales: sinusoids of
/// 1000 * (guidance_scale - 1), dim / 2 sines then dim / 2 cosines, a zero when dim is odd.
/// dim >= 4. Source: diffusers get_guidance_scale_embedding (f32 throughout).
std::vector<float> guidance_scale_embedding(double guidance_scale, int dim);

}  // namespace edgefusion::diffusion
