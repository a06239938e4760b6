#include "train/noise_levels.h"

#include <ATen/ATen.h>

#include <vector>

namespace edgefusion::train {

at::Tensor spread(const at::Tensor& per_sample, int64_t rank) {
  std::vector<int64_t> extents(static_cast<size_t>(rank), 1);
  extents.front() = per_sample.size(0);
  return per_sample.view(extents);
}

NoiseLevels::NoiseLevels(std::span<const float> alphas_cumprod)
    : alphas_(at::tensor(at::ArrayRef<float>(alphas_cumprod.data(), alphas_cumprod.size()))) {}

at::Tensor NoiseLevels::alphas_at(const at::Tensor& t) const {
  return alphas_.to(t.device()).index_select(0, t);
}

int64_t NoiseLevels::steps() const { return alphas_.size(0); }

bool NoiseLevels::has_signal_everywhere() const { return alphas_.gt(0).all().item<bool>(); }

at::Tensor NoiseLevels::signal(const at::Tensor& t, int64_t rank) const {
  return spread(alphas_at(t).sqrt(), rank);
}

at::Tensor NoiseLevels::noise_level(const at::Tensor& t, int64_t rank) const {
  return spread((1 - alphas_at(t)).sqrt(), rank);
}

at::Tensor NoiseLevels::signal_to_noise(const at::Tensor& t) const {
  const at::Tensor a = alphas_at(t);
  return a / (1 - a);
}

at::Tensor NoiseLevels::noised(const at::Tensor& clean, const at::Tensor& noise,
                               const at::Tensor& t) const {
  return signal(t, clean.dim()) * clean + noise_level(t, clean.dim()) * noise;
}

at::Tensor NoiseLevels::target(PredictionType type, const at::Tensor& clean,
                               const at::Tensor& noise, const at::Tensor& t) const {
  switch (type) {
    case PredictionType::epsilon:
      return noise;
    case PredictionType::v_prediction:
      return signal(t, clean.dim()) * noise - noise_level(t, clean.dim()) * clean;
    case PredictionType::sample:
      return clean;
  }
  return noise;
}

at::Tensor NoiseLevels::clean_of(PredictionType type, const at::Tensor& output, const at::Tensor& z,
                                 const at::Tensor& t) const {
  const at::Tensor s = signal(t, z.dim()), n = noise_level(t, z.dim());
  switch (type) {
    case PredictionType::epsilon:
      return (z - n * output) / s;
    case PredictionType::v_prediction:
      return s * z - n * output;
    case PredictionType::sample:
      return output;
  }
  return output;
}

at::Tensor NoiseLevels::noise_of(PredictionType type, const at::Tensor& output, const at::Tensor& z,
                                 const at::Tensor& t) const {
  const at::Tensor s = signal(t, z.dim()), n = noise_level(t, z.dim());
  switch (type) {
    case PredictionType::epsilon:
      return output;
    case PredictionType::v_prediction:
      return s * output + n * z;
    case PredictionType::sample:
      return (z - s * output) / n;
  }
  return output;
}

at::Tensor min_snr_weights(PredictionType type, const at::Tensor& signal_to_noise, double gamma) {
  const at::Tensor capped = signal_to_noise.clamp_max(gamma);
  switch (type) {
    case PredictionType::epsilon:
      return at::where(signal_to_noise.gt(0), capped / signal_to_noise, at::zeros_like(capped));
    case PredictionType::v_prediction:
      return capped / (signal_to_noise + 1);
    case PredictionType::sample:
      return capped;
  }
  return capped;
}

at::Tensor weighted_mse(const at::Tensor& output, const at::Tensor& target,
                        const at::Tensor& weights) {
  const at::Tensor errors = (output.to(at::kFloat) - target).square().flatten(1).mean(1);
  return weights.defined() ? (errors * weights).mean() : errors.mean();
}

}  // namespace edgefusion::train
