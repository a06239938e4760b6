#include "train/latent_bytes.h"

#include <ATen/ATen.h>

namespace edgefusion::train {

LatentRange LatentRange::of(std::span<const at::Tensor> latents) {
  LatentRange range;
  at::Tensor high;
  for (const at::Tensor& x : latents) {
    const at::Tensor flat = x.reshape({-1, x.size(-1)});
    const at::Tensor least = flat.amin(0).to(at::kFloat), most = flat.amax(0).to(at::kFloat);
    range.low = range.low.defined() ? at::minimum(range.low, least) : least;
    high = high.defined() ? at::maximum(high, most) : most;
  }
  range.step = (high - range.low) / 255;
  return range;
}

at::Tensor LatentRange::to_bytes(const at::Tensor& latents) const {
  const at::Tensor divisor = at::where(step > 0, step, at::ones_like(step));
  return ((latents.to(at::kFloat) - low) / divisor).round().clamp(0, 255).to(at::kByte);
}

at::Tensor LatentRange::from_bytes(const at::Tensor& bytes) const {
  return bytes.to(at::kFloat) * step + low;
}

}  // namespace edgefusion::train
