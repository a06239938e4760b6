#include "diffusion/sigma_schedule.h"

#include <algorithm>
#include <cmath>

#include "diffusion/timesteps.h"

namespace edgefusion::diffusion {

double interpolate(std::span<const float> sigmas, double t) {
  if (t <= 0) return static_cast<double>(sigmas.front());
  if (t >= static_cast<double>(sigmas.size() - 1)) return static_cast<double>(sigmas.back());
  const auto low = static_cast<size_t>(t);
  const double slope = static_cast<double>(sigmas[low + 1]) - static_cast<double>(sigmas[low]);
  return slope * (t - static_cast<double>(low)) + static_cast<double>(sigmas[low]);
}

double timestep_of_sigma(double sigma, std::span<const float> log_sigmas) {
  EF_CHECK(log_sigmas.size() >= 2, "two training steps to interpolate between");
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  // The last index whose level is not above sigma's; the table rises.
  const auto above = std::upper_bound(log_sigmas.begin(), log_sigmas.end(), log_sigma,
                                      [](double a, float b) { return a < static_cast<double>(b); });
  const auto rank = static_cast<size_t>(above - log_sigmas.begin());
  const size_t low = std::min(rank == 0 ? 0 : rank - 1, log_sigmas.size() - 2);
  const auto low_log = static_cast<double>(log_sigmas[low]);
  const float span = log_sigmas[low] - log_sigmas[low + 1];
  const double w = std::clamp((low_log - log_sigma) / static_cast<double>(span), 0.0, 1.0);
  return (1 - w) * static_cast<double>(low) + w * static_cast<double>(low + 1);
}

std::vector<double> karras_sigmas(std::span<const double> range, int steps,
                                  const SchedulerConfig& config) {
  constexpr double kRho = 7.0;
  const double high = std::pow(config.sigma_max.value_or(range.front()), 1 / kRho);
  const double low = std::pow(config.sigma_min.value_or(range.back()), 1 / kRho);
  std::vector<double> sigmas = linspace(0, 1, steps);
  for (double& sigma : sigmas) sigma = std::pow(high + sigma * (low - high), kRho);
  return sigmas;
}

std::vector<double> exponential_sigmas(std::span<const double> range, int steps,
                                       const SchedulerConfig& config) {
  std::vector<double> sigmas = linspace(std::log(config.sigma_max.value_or(range.front())),
                                        std::log(config.sigma_min.value_or(range.back())), steps);
  for (double& sigma : sigmas) sigma = std::exp(sigma);
  return sigmas;
}

std::vector<float> logs_of(std::span<const float> sigmas) {
  std::vector<float> logs(sigmas.size());
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i] = static_cast<float>(std::log(static_cast<double>(sigmas[i])));
  }
  return logs;
}

Result<float> final_sigma(const SchedulerConfig& config, std::span<const float> training_sigmas) {
  if (config.final_sigmas_type == "zero") return 0.0f;
  if (config.final_sigmas_type == "sigma_min") return training_sigmas.front();
  return fail(ErrorCode::unsupported,
              "final_sigmas_type \"" + config.final_sigmas_type + "\", expected zero or sigma_min");
}

Status check_sigma_flags(const SchedulerConfig& config) {
  if (!config.unsupported_sigmas.empty()) {
    return fail(ErrorCode::unsupported,
                config.unsupported_sigmas.front() + ": true is not supported by this scheduler");
  }
  if (config.use_karras_sigmas && config.use_exponential_sigmas) {
    return fail(ErrorCode::bad_file,
                "use_karras_sigmas and use_exponential_sigmas: only one may be true");
  }
  if (config.num_train_timesteps < 2) {
    return fail(ErrorCode::unsupported, "num_train_timesteps: 1, expected at least 2");
  }
  return {};
}

}  // namespace edgefusion::diffusion
