// The list of schedulers. A new one: <name>.h/.cc/_test.cc and a row here.
#include <array>
#include <string>

#include "core/nearest_name.h"
#include "diffusion/ddim.h"
#include "diffusion/dpm_multistep.h"
#include "diffusion/euler.h"
#include "diffusion/lcm.h"
#include "diffusion/pndm.h"
#include "diffusion/scheduler.h"

namespace edgefusion::diffusion {
namespace {

struct Row {
  std::string_view name;
  std::string_view diffusers_class;
  SchedulerConfig (*defaults)();              // of that class, for keys the file lacks
  void (*force)(SchedulerConfig&) = nullptr;  // what the name itself decides, whatever the file
  Result<std::unique_ptr<Scheduler>> (*make)(const SchedulerConfig&, const SchedulerOptions&);
};

SchedulerConfig sigma_defaults() { return {}; }

SchedulerConfig lcm_defaults() {
  SchedulerConfig c;
  c.beta_start = 0.00085;
  c.beta_end = 0.012;
  c.beta_schedule = "scaled_linear";
  return c;
}

SchedulerConfig ddim_defaults() {
  SchedulerConfig c;
  c.timestep_spacing = "leading";
  c.clip_sample = true;
  return c;
}

SchedulerConfig pndm_defaults() {
  SchedulerConfig c;
  c.timestep_spacing = "leading";
  c.set_alpha_to_one = false;
  return c;
}

void force_karras(SchedulerConfig& c) {
  c.use_karras_sigmas = true;
  c.use_exponential_sigmas = false;
}

void force_sde(SchedulerConfig& c) { c.algorithm_type = "sde-dpmsolver++"; }

void force_sde_karras(SchedulerConfig& c) {
  force_sde(c);
  force_karras(c);
}

constexpr std::string_view kEuler = "EulerDiscreteScheduler";
constexpr std::string_view kDpm = "DPMSolverMultistepScheduler";

// The first row of a class is the one its configs mean.
constexpr std::array<Row, 10> kRows = {{
    {"lcm", "LCMScheduler", lcm_defaults, nullptr, LcmScheduler::make},
    {"ddim", "DDIMScheduler", ddim_defaults, nullptr, DdimScheduler::make},
    {"euler", kEuler, sigma_defaults, nullptr, EulerScheduler::make},
    {"euler_karras", kEuler, sigma_defaults, force_karras, EulerScheduler::make},
    {"euler_a", "EulerAncestralDiscreteScheduler", sigma_defaults, nullptr,
     EulerAncestralScheduler::make},
    {"dpmpp2m", kDpm, sigma_defaults, nullptr, DpmMultistepScheduler::make},
    {"dpmpp2m_karras", kDpm, sigma_defaults, force_karras, DpmMultistepScheduler::make},
    {"dpmpp2m_sde", kDpm, sigma_defaults, force_sde, DpmMultistepScheduler::make},
    {"dpmpp2m_sde_karras", kDpm, sigma_defaults, force_sde_karras, DpmMultistepScheduler::make},
    {"pndm", "PNDMScheduler", pndm_defaults, nullptr, PndmScheduler::make},
}};

Status check_options(const SchedulerOptions& options, int train_steps) {
  const auto refuse = [](std::string text) {
    return fail(ErrorCode::invalid_argument, std::move(text));
  };
  if (options.steps < 1 || options.steps > train_steps) {
    return refuse("steps: " + std::to_string(options.steps) + ", expected 1 to " +
                  std::to_string(train_steps));
  }
  if (!(options.strength > 0.0 && options.strength <= 1.0)) {
    return refuse("strength: " + std::to_string(options.strength) +
                  ", expected more than 0 and at most 1");
  }
  if (!(options.eta >= 0.0 && options.eta <= 1.0)) {
    return refuse("eta: " + std::to_string(options.eta) + ", expected 0 to 1");
  }
  EF_CHECK(options.images >= 1, "a batch has at least one picture");
  return {};
}

Result<const Row*> row_of(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return &row;
  }
  return fail(ErrorCode::invalid_argument,
              unknown_name_message("scheduler", name, scheduler_names()));
}

}  // namespace

std::vector<std::string_view> scheduler_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

Result<std::string_view> scheduler_name_of_class(std::string_view diffusers_class) {
  std::vector<std::string_view> classes;
  for (const Row& row : kRows) {
    if (row.diffusers_class == diffusers_class) return row.name;
    if (classes.empty() || classes.back() != row.diffusers_class) {
      classes.push_back(row.diffusers_class);
    }
  }
  return fail(ErrorCode::unsupported,
              unknown_name_message("scheduler class", diffusers_class, classes));
}

Result<SchedulerConfig> read_scheduler_config(std::string_view name, const nlohmann::json& config,
                                              const std::string& origin) {
  EF_TRY(const Row* row, row_of(name));
  EF_TRY(SchedulerConfig parsed, parse_scheduler_config(config, origin, row->defaults()));
  if (row->force != nullptr) row->force(parsed);
  return parsed;
}

Result<std::unique_ptr<Scheduler>> make_scheduler(std::string_view name,
                                                  const nlohmann::json& config,
                                                  const SchedulerOptions& options) {
  EF_TRY(const Row* row, row_of(name));
  EF_TRY(const SchedulerConfig parsed, read_scheduler_config(name, config, options.config_origin));
  EF_TRY_STATUS(check_options(options, parsed.num_train_timesteps));
  auto scheduler = row->make(parsed, options);
  if (scheduler) return scheduler;
  Error error = std::move(scheduler).error();
  // What the user asked for is no fault of the file.
  if (error.code() != ErrorCode::invalid_argument) error.add_context(options.config_origin);
  return fail(std::move(error));
}

}  // namespace edgefusion::diffusion
