#pragma once

#include <ATen/core/Tensor.h>

namespace edgefusion::train {

/// Peak signal-to-noise ratio in dB, of each pair of pictures [N,H,W,C] in -1..1 -> [N].
at::Tensor psnr(const at::Tensor& a, const at::Tensor& b);

/// Structural similarity (Wang et al. 2004: Gaussian window of 11 pixels and sigma 1.5, K 0.01 and
/// 0.03; the population's variances), mean over pixels whose window is inside and over channels.
/// Pictures of at least 11x11 pixels [N,H,W,C] in -1..1 -> [N].
at::Tensor ssim(const at::Tensor& a, const at::Tensor& b);

}  // namespace edgefusion::train
