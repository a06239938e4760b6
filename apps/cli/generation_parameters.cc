#include "cli/generation_parameters.h"

#include <fmt/format.h>

namespace edgefusion::cli {

std::string generation_parameters(const pipeline::GenerationRequest& request,
                                  const pipeline::GenerationResult& result,
                                  const std::string& model_name, int image) {
  std::string text = request.prompt;
  if (!request.negative_prompt.empty()) text += "\nNegative prompt: " + request.negative_prompt;
  // Who paints this picture again, alone, needs the seed it had.
  const bool own_seed = request.batch_seeds == diffusion::BatchSeeds::per_image;
  const uint64_t seed = request.seed + (own_seed ? static_cast<uint64_t>(image) : 0);
  text += fmt::format("\nSteps: {}, Sampler: {}, CFG scale: {}, Seed: {}, Size: {}x{}, Model: {}",
                      result.steps, result.scheduler, result.guidance_scale, seed, result.width,
                      result.height, model_name);
  if (request.clip_skip != 0) text += fmt::format(", Clip skip: {}", request.clip_skip + 1);
  if (request.batch > 1) {
    text += fmt::format(", Batch size: {}, Batch pos: {}", request.batch, image);
  }
  text += fmt::format(", RNG: {}, Version: edgefusion {}",
                      request.rng == diffusion::NoiseDevice::cpu ? "CPU" : "GPU", EF_VERSION);
  return text;
}

}  // namespace edgefusion::cli
