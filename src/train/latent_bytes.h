#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace edgefusion::train {

/// The values of each channel, in 256 even steps from its least to its largest.
struct LatentRange {
  at::Tensor low, step;  ///< f32 [C]

  /// Of all of these latents together, [N,h,w,C]; a channel of one value has steps of 0.
  static LatentRange of(std::span<const at::Tensor> latents);

  /// u8, like latents; half a step is the largest error of what lies in the range.
  at::Tensor to_bytes(const at::Tensor& latents) const;
  /// f32 again, of latents or of a part of them, [...,C].
  at::Tensor from_bytes(const at::Tensor& bytes) const;
};

}  // namespace edgefusion::train
