#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace edgefusion::diffusion {

enum class PredictionType {
  epsilon,       ///< the network predicts the noise
  v_prediction,  ///< sqrt(alpha) noise - sqrt(1 - alpha) x0
  sample,        ///< x0 itself
};

/// Every key of a diffusers scheduler_config.json that changes arithmetic in a scheduler of ours,
/// under its diffusers name. The values here are the most common defaults; each scheduler has its
/// own (scheduler_table.cc), as each class of diffusers has.
/// Names stay text until a scheduler uses them: another scheduler's solver_type is no error.
struct SchedulerConfig {
  int num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::vector<double> trained_betas;  ///< empty: computed from the schedule
  bool rescale_betas_zero_snr = false;
  std::string prediction_type = "epsilon";
  std::string timestep_spacing = "linspace";
  int steps_offset = 0;

  // LCM, DDIM, PNDM
  bool set_alpha_to_one = true;
  bool clip_sample = false;
  double clip_sample_range = 1.0;
  bool thresholding = false;
  double dynamic_thresholding_ratio = 0.995;
  double sample_max_value = 1.0;
  int original_inference_steps = 50;
  double timestep_scaling = 10.0;
  bool skip_prk_steps = false;

  // Euler, DPM-Solver++
  std::string interpolation_type = "linear";
  bool use_karras_sigmas = false;
  bool use_exponential_sigmas = false;
  std::optional<double> sigma_min;
  std::optional<double> sigma_max;
  std::string timestep_type = "discrete";
  std::string final_sigmas_type = "zero";
  int solver_order = 2;
  std::string algorithm_type = "dpmsolver++";
  std::string solver_type = "midpoint";
  bool lower_order_final = true;
  bool euler_at_final = false;
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();
  /// Keys that are set, would change the noise levels and are not implemented ("use_beta_sigmas").
  std::vector<std::string> unsupported_sigmas;
};

/// Reads the text of a scheduler_config.json. diffusers writes the bare word -Infinity for an
/// unclipped lambda, which is not JSON; it is read as null, which means the same.
/// Errors: bad_file.
Result<nlohmann::json> parse_scheduler_json(std::string_view text, const std::string& origin);

/// `defaults` with every key that the file has. Keys of other diffusers schedulers and keys with a
/// leading underscore are accepted and do nothing. `origin` names the file in messages.
/// Errors: bad_file (wrong types or ranges, all listed), unsupported (keys no diffusers scheduler
/// has, listed by name: they could change the arithmetic).
Result<SchedulerConfig> parse_scheduler_config(const nlohmann::json& json,
                                               const std::string& origin,
                                               const SchedulerConfig& defaults);

/// What diffusers' Stable Diffusion pipelines make of an outdated scheduler file before they use it:
/// steps_offset becomes 1, clip_sample false. own_scheduler: the file's own scheduler is used, so
/// that keys it lacks, whose defaults are outdated too, are set; another one takes its own defaults.
/// Values of a wrong type stay, for parse_scheduler_config to refuse.
nlohmann::json without_outdated_values(nlohmann::json json, bool own_scheduler);

/// The class a scheduler_config.json was saved from (`_class_name`), empty when it does not say.
std::string scheduler_class_name(const nlohmann::json& json);

/// What Stable Diffusion 1.x ships as its scheduler_config.json, for checkpoints without one.
nlohmann::json stable_diffusion_scheduler_json();

/// Errors: unsupported, for another name or one this scheduler lacks.
Result<PredictionType> parse_prediction_type(const SchedulerConfig& config, bool allow_sample);

}  // namespace edgefusion::diffusion
