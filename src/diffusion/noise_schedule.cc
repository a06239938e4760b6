#include "diffusion/noise_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace edgefusion::diffusion {
namespace {

std::vector<float> cosine_betas(size_t count) {
  constexpr double kMaxBeta = 0.999;
  const auto alpha_bar = [](double t) {
    const double c = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
    return c * c;
  };
  std::vector<float> betas(count);
  for (size_t i = 0; i < count; ++i) {
    const double t1 = static_cast<double>(i) / static_cast<double>(count);
    const double t2 = static_cast<double>(i + 1) / static_cast<double>(count);
    betas[i] = static_cast<float>(std::min(1.0 - alpha_bar(t2) / alpha_bar(t1), kMaxBeta));
  }
  return betas;
}

Result<std::vector<float>> make_betas(const SchedulerConfig& config) {
  const auto count = static_cast<size_t>(config.num_train_timesteps);
  if (!config.trained_betas.empty()) {
    return std::vector<float>(config.trained_betas.begin(), config.trained_betas.end());
  }
  if (config.beta_schedule == "linear") {
    return linspace_f32(config.beta_start, config.beta_end, count);
  }
  if (config.beta_schedule == "scaled_linear") {
    std::vector<float> betas =
        linspace_f32(std::sqrt(config.beta_start), std::sqrt(config.beta_end), count);
    for (float& beta : betas) beta *= beta;
    return betas;
  }
  if (config.beta_schedule == "squaredcos_cap_v2") return cosine_betas(count);
  return fail(ErrorCode::unsupported,
              "beta_schedule \"" + config.beta_schedule +
                  "\", expected linear, scaled_linear or squaredcos_cap_v2");
}

// torch.cumprod multiplies in f64 and stores f32.
std::vector<float> cumulative_products(const std::vector<float>& alphas) {
  std::vector<float> products(alphas.size());
  double product = 1.0;
  for (size_t i = 0; i < alphas.size(); ++i) {
    product *= static_cast<double>(alphas[i]);
    products[i] = static_cast<float>(product);
  }
  return products;
}

std::vector<float> alphas_from_betas(const std::vector<float>& betas) {
  std::vector<float> alphas(betas.size());
  for (size_t i = 0; i < betas.size(); ++i) alphas[i] = 1.0f - betas[i];
  return alphas;
}

// Shifts and scales sqrt(alpha bar) so that the last is 0 and the first keeps its value, and goes
// back to betas (Lin et al. 2023, algorithm 1).
std::vector<float> rescaled_to_zero_snr(const std::vector<float>& betas) {
  std::vector<float> root = cumulative_products(alphas_from_betas(betas));
  for (float& value : root) value = std::sqrt(value);
  const float first = root.front();
  const float last = root.back();
  for (float& value : root) value = (value - last) * (first / (first - last));
  std::vector<float> rescaled(betas.size());
  float previous = 1.0f;
  for (size_t i = 0; i < root.size(); ++i) {
    const float alpha_bar = root[i] * root[i];
    rescaled[i] = 1.0f - alpha_bar / previous;
    previous = alpha_bar;
  }
  return rescaled;
}

}  // namespace

std::vector<float> linspace_f32(double start, double end, size_t count) {
  std::vector<float> values(count);
  const auto first = static_cast<float>(start);
  const auto last = static_cast<float>(end);
  if (count == 1) values[0] = first;
  if (count <= 1) return values;
  const float step = (last - first) / static_cast<float>(count - 1);
  for (size_t i = 0; i < count; ++i) {
    values[i] = i < count / 2 ? std::fma(step, static_cast<float>(i), first)
                              : std::fma(-step, static_cast<float>(count - 1 - i), last);
  }
  return values;
}

Result<std::vector<float>> alphas_cumprod(const SchedulerConfig& config) {
  EF_TRY(std::vector<float> betas, make_betas(config));
  if (config.rescale_betas_zero_snr) {
    if (betas.size() < 2) {
      return fail(ErrorCode::bad_file, "rescale_betas_zero_snr: needs 2 training steps, found 1");
    }
    betas = rescaled_to_zero_snr(betas);
  }
  std::vector<float> alphas = cumulative_products(alphas_from_betas(betas));
  const size_t zero_allowed = config.rescale_betas_zero_snr ? 1 : 0;
  for (size_t i = 0; i + zero_allowed < alphas.size(); ++i) {
    if (alphas[i] > 0.0f && alphas[i] < 1.0f) continue;
    return fail(ErrorCode::bad_file, "betas: signal left at training step " + std::to_string(i) +
                                         " is " + std::to_string(alphas[i]) +
                                         ", expected more than 0 and less than 1");
  }
  return alphas;
}

std::vector<float> training_sigmas(std::vector<float> alphas_cumprod, bool zero_snr) {
  if (zero_snr) alphas_cumprod.back() = 0x1p-24f;
  for (float& value : alphas_cumprod) value = std::sqrt((1.0f - value) / value);
  return alphas_cumprod;
}

}  // namespace edgefusion::diffusion
