#include "diffusion/scheduler_config.h"

#include <algorithm>
#include <array>

#include "core/json.h"

namespace edgefusion::diffusion {
namespace {

// Keys of other diffusers schedulers, without effect in those here.
constexpr std::array<std::string_view, 22> kIgnoredKeys = {
    "args",
    "base_shift",
    "corrector_order",
    "disable_corrector",
    "flow_shift",
    "kwargs",
    "max_shift",
    "predict_x0",
    "predictor_order",
    "rho",
    "s_churn",
    "noise_sampler_seed",
    "s_noise",
    "s_tmax",
    "s_tmin",
    "shift",
    "shift_terminal",
    "sigma_data",
    "sigma_schedule",
    "solver_p",
    "tau_func",
    "time_shift_type",
};

// Other ways to space the noise levels; only their default, off, is implemented.
constexpr std::array<std::string_view, 4> kUnsupportedSigmaFlags = {
    "use_beta_sigmas", "use_dynamic_shifting", "use_flow_sigmas", "use_lu_lambdas"};

// Far beyond any model; bounds the tables a hostile file can ask for.
constexpr int64_t kMostTrainTimesteps = 1'000'000;

int read_int(ConfigReader& reader, std::string_view key, int fallback, IntRange range) {
  return static_cast<int>(reader.integer(key, fallback, range));
}

double read_number(ConfigReader& reader, std::string_view key, double fallback, double min,
                   double max) {
  const double value = reader.number(key, fallback);
  if (!reader.has(key) || (value >= min && value <= max)) return value;
  reader.complain(key, "number in [" + std::to_string(min) + ", " + std::to_string(max) + "]",
                  describe(nlohmann::json(value)));
  return fallback;
}

void read_noise_levels(ConfigReader& reader, SchedulerConfig& c) {
  c.num_train_timesteps =
      read_int(reader, "num_train_timesteps", c.num_train_timesteps, {1, kMostTrainTimesteps});
  c.beta_start = read_number(reader, "beta_start", c.beta_start, 0.0, 1.0);
  c.beta_end = read_number(reader, "beta_end", c.beta_end, 0.0, 1.0);
  c.beta_schedule = reader.string("beta_schedule", c.beta_schedule);
  c.trained_betas = reader.number_list("trained_betas", c.trained_betas);
  c.rescale_betas_zero_snr = reader.boolean("rescale_betas_zero_snr", c.rescale_betas_zero_snr);
  c.prediction_type = reader.string("prediction_type", c.prediction_type);
  c.timestep_spacing = reader.string("timestep_spacing", c.timestep_spacing);
  c.steps_offset =
      read_int(reader, "steps_offset", c.steps_offset, {-kMostTrainTimesteps, kMostTrainTimesteps});
  const auto is_beta = [](double beta) { return beta >= 0.0 && beta <= 1.0; };
  if (!std::all_of(c.trained_betas.begin(), c.trained_betas.end(), is_beta)) {
    reader.complain("trained_betas", "numbers in [0, 1]", "others");
  }
  if (!c.trained_betas.empty() &&
      c.trained_betas.size() != static_cast<size_t>(c.num_train_timesteps)) {
    reader.complain("trained_betas",
                    std::to_string(c.num_train_timesteps) + " numbers (num_train_timesteps)",
                    std::to_string(c.trained_betas.size()));
  }
}

void read_sample_space(ConfigReader& reader, SchedulerConfig& c) {
  c.set_alpha_to_one = reader.boolean("set_alpha_to_one", c.set_alpha_to_one);
  c.clip_sample = reader.boolean("clip_sample", c.clip_sample);
  c.clip_sample_range = read_number(reader, "clip_sample_range", c.clip_sample_range, 0.0, 1e6);
  c.thresholding = reader.boolean("thresholding", c.thresholding);
  c.dynamic_thresholding_ratio =
      read_number(reader, "dynamic_thresholding_ratio", c.dynamic_thresholding_ratio, 0.0, 1.0);
  c.sample_max_value = read_number(reader, "sample_max_value", c.sample_max_value, 1e-6, 1e6);
  c.original_inference_steps = read_int(reader, "original_inference_steps",
                                        c.original_inference_steps, {1, kMostTrainTimesteps});
  c.timestep_scaling = reader.number("timestep_scaling", c.timestep_scaling);
  c.skip_prk_steps = reader.boolean("skip_prk_steps", c.skip_prk_steps);
}

void read_sigma_space(ConfigReader& reader, SchedulerConfig& c) {
  c.interpolation_type = reader.string("interpolation_type", c.interpolation_type);
  c.use_karras_sigmas = reader.boolean("use_karras_sigmas", c.use_karras_sigmas);
  c.use_exponential_sigmas = reader.boolean("use_exponential_sigmas", c.use_exponential_sigmas);
  if (reader.has("sigma_min")) c.sigma_min = read_number(reader, "sigma_min", 0.0, 1e-9, 1e9);
  if (reader.has("sigma_max")) c.sigma_max = read_number(reader, "sigma_max", 0.0, 1e-9, 1e9);
  c.timestep_type = reader.string("timestep_type", c.timestep_type);
  c.final_sigmas_type = reader.string("final_sigmas_type", c.final_sigmas_type);
  c.solver_order = read_int(reader, "solver_order", c.solver_order, {1, 3});
  c.algorithm_type = reader.string("algorithm_type", c.algorithm_type);
  c.solver_type = reader.string("solver_type", c.solver_type);
  c.lower_order_final = reader.boolean("lower_order_final", c.lower_order_final);
  c.euler_at_final = reader.boolean("euler_at_final", c.euler_at_final);
  c.lambda_min_clipped = reader.number("lambda_min_clipped", c.lambda_min_clipped);
  for (const std::string_view key : kUnsupportedSigmaFlags) {
    if (reader.boolean(key, false)) c.unsupported_sigmas.emplace_back(key);
  }
}

// DDPM's fixed variances do nothing outside DDPM; a learned one doubles the network's outputs.
Status check_variance_type(ConfigReader& reader) {
  const std::string type = reader.string("variance_type", "");
  if (type != "learned" && type != "learned_range") return {};
  return fail(ErrorCode::unsupported, reader.origin() + ": variance_type \"" + type +
                                          "\": networks that predict a variance are not supported");
}

Status check_unknown_keys(ConfigReader& reader) {
  for (const std::string_view key : kIgnoredKeys) reader.raw(key);
  const std::vector<std::string> unknown = reader.unread_keys();
  if (unknown.empty()) return {};
  std::string names;
  for (const std::string& key : unknown) names += (names.empty() ? "" : ", ") + printable(key);
  return fail(ErrorCode::unsupported,
              reader.origin() + ": unknown keys that may change the result: " + names);
}

// The text with every bare -Infinity (outside strings) replaced by null.
std::string without_infinity(std::string_view text) {
  constexpr std::string_view kWord = "-Infinity";
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!in_string && text.substr(i, kWord.size()) == kWord) {
      result += "null";
      i += kWord.size() - 1;
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    result += text[i];
    const bool escape = in_string && text[i] == '\\' && i + 1 < text.size();
    if (escape) result += text[++i];
  }
  return result;
}

}  // namespace

Result<nlohmann::json> parse_scheduler_json(std::string_view text, const std::string& origin) {
  const JsonLimits limits;
  if (text.size() > limits.max_bytes) return parse_json(text, origin, limits);
  return parse_json(without_infinity(text), origin, limits);
}

Result<SchedulerConfig> parse_scheduler_config(const nlohmann::json& json,
                                               const std::string& origin,
                                               const SchedulerConfig& defaults) {
  ConfigReader reader(json, origin);
  SchedulerConfig config = defaults;
  read_noise_levels(reader, config);
  read_sample_space(reader, config);
  read_sigma_space(reader, config);
  EF_TRY_STATUS(check_variance_type(reader));
  EF_TRY_STATUS(reader.status());
  EF_TRY_STATUS(check_unknown_keys(reader));
  return config;
}

nlohmann::json without_outdated_values(nlohmann::json json, bool own_scheduler) {
  if (!json.is_object()) return json;
  const auto offset = json.find("steps_offset");
  const bool outdated_offset = offset == json.end() ? own_scheduler : offset->is_number_integer();
  if (outdated_offset) json["steps_offset"] = 1;
  const auto clip = json.find("clip_sample");
  const bool outdated_clip = clip == json.end() ? own_scheduler : clip->is_boolean();
  if (outdated_clip) json["clip_sample"] = false;
  return json;
}

std::string scheduler_class_name(const nlohmann::json& json) {
  if (!json.is_object()) return "";
  const auto it = json.find("_class_name");
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

nlohmann::json stable_diffusion_scheduler_json() {
  return {{"_class_name", "PNDMScheduler"},
          {"beta_end", 0.012},
          {"beta_schedule", "scaled_linear"},
          {"beta_start", 0.00085},
          {"clip_sample", false},
          {"num_train_timesteps", 1000},
          {"set_alpha_to_one", false},
          {"skip_prk_steps", true},
          {"steps_offset", 1},
          {"trained_betas", nullptr}};
}

Result<PredictionType> parse_prediction_type(const SchedulerConfig& config, bool allow_sample) {
  if (config.prediction_type == "epsilon") return PredictionType::epsilon;
  if (config.prediction_type == "v_prediction") return PredictionType::v_prediction;
  if (allow_sample && config.prediction_type == "sample") return PredictionType::sample;
  return fail(
      ErrorCode::unsupported,
      "prediction_type \"" + config.prediction_type + "\", expected epsilon" +
          (allow_sample ? ", v_prediction or sample" : " or v_prediction for this scheduler"));
}

}  // namespace edgefusion::diffusion
