#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "diffusion/scheduler_config.h"

// The forward process of diffusion and what a network's output says of a sample, on tensors.
// Symbols: z = signal * clean + noise_level * noise; t [N] i64, all others [N,...].

namespace edgefusion::train {

using diffusion::PredictionType;

/// A value for each sample [N] as [N,1,...] of `rank` axes, to meet tensors of samples.
at::Tensor spread(const at::Tensor& per_sample, int64_t rank);

class NoiseLevels {
 public:
  /// alphas_cumprod: of the training steps, as diffusion::alphas_cumprod gives them.
  explicit NoiseLevels(std::span<const float> alphas_cumprod);

  int64_t steps() const;
  /// No timestep is noise alone.
  bool has_signal_everywhere() const;
  /// sqrt(a) and sqrt(1 - a) at t, in a shape that broadcasts over tensors of `rank` axes.
  at::Tensor signal(const at::Tensor& t, int64_t rank = 4) const;
  at::Tensor noise_level(const at::Tensor& t, int64_t rank = 4) const;
  /// a / (1 - a) at t, [N].
  at::Tensor signal_to_noise(const at::Tensor& t) const;

  at::Tensor noised(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& t) const;
  /// What a network of that type should give out for z.
  at::Tensor target(PredictionType type, const at::Tensor& clean, const at::Tensor& noise,
                    const at::Tensor& t) const;
  /// The clean sample, and the noise, that an output for z means.
  at::Tensor clean_of(PredictionType type, const at::Tensor& output, const at::Tensor& z,
                      const at::Tensor& t) const;
  at::Tensor noise_of(PredictionType type, const at::Tensor& output, const at::Tensor& z,
                      const at::Tensor& t) const;

 private:
  at::Tensor alphas_at(const at::Tensor& t) const;

  at::Tensor alphas_;  // [steps] f32, on the CPU
};

/// Weights of the squared errors of each sample, [N]: min(snr, gamma) of the clean sample's error,
/// in terms of the network's own output (Hang et al. 2023, arXiv 2303.09556). With zero terminal
/// SNR an epsilon network has no weight there.
at::Tensor min_snr_weights(PredictionType type, const at::Tensor& signal_to_noise, double gamma);

/// Mean over samples of weight * mean squared error; weights undefined: 1.
at::Tensor weighted_mse(const at::Tensor& output, const at::Tensor& target,
                        const at::Tensor& weights = {});

}  // namespace edgefusion::train
