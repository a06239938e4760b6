#include "diffusion/guidance.h"

#include <cmath>

#include "core/result.h"

namespace edgefusion::diffusion {

bool needs_guidance(double guidance_scale, bool has_scale_embedding) {
  return guidance_scale > 1.0 && !has_scale_embedding;
}

void guide(std::span<const float> uncond, std::span<const float> cond, double guidance_scale,
           std::span<float> dst) {
  EF_CHECK(uncond.size() == dst.size() && cond.size() == dst.size(), "three spans of one size");
  const auto scale = static_cast<float>(guidance_scale);
  for (size_t i = 0; i < dst.size(); ++i) dst[i] = uncond[i] + scale * (cond[i] - uncond[i]);
}

std::vector<float> guidance_scale_embedding(double guidance_scale, int dim) {
  EF_CHECK(dim >= 4, "two frequencies at least: the ladder divides by their number less one");
  const float w = static_cast<float>(guidance_scale - 1.0) * 1000.0f;
  const int half = dim / 2;
  const float step = std::log(10000.0f) / static_cast<float>(half - 1);
  std::vector<float> embedding(static_cast<size_t>(dim), 0.0f);
  for (int i = 0; i < half; ++i) {
    // exp, sin and cos of the f32 argument in f64, rounded once: what a good f32 library gives.
    const float exponent = static_cast<float>(i) * -step;
    const auto frequency = static_cast<float>(std::exp(static_cast<double>(exponent)));
    const auto angle = static_cast<double>(w * frequency);
    embedding[static_cast<size_t>(i)] = static_cast<float>(std::sin(angle));
    embedding[static_cast<size_t>(half) + static_cast<size_t>(i)] =
        static_cast<float>(std::cos(angle));
  }
  return embedding;
}

}  // namespace edgefusion::diffusion
