#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "diffusion/noise.h"
#include "diffusion/scheduler_config.h"

namespace edgefusion::diffusion {

struct SchedulerOptions {
  int steps = 0;  ///< network calls asked for, 1 to num_train_timesteps
  /// Image to image: the part of the noise schedule that is run, (0, 1]. LCM spreads all steps over
  /// that part (as its diffusers pipeline does); the others run the last int(steps * strength).
  double strength = 1.0;
  std::optional<int> original_steps;  ///< LCM: replaces original_inference_steps of the config
  double eta = 0.0;                   ///< DDIM: 0 deterministic, 1 as noisy as DDPM
  int images = 1;  ///< pictures in the batch (dynamic thresholding is per picture)
  std::string config_origin = "scheduler_config.json";  ///< leads messages about the config
};

/// One walk from noise to latents: the arithmetic of a diffusers scheduler, after set_timesteps.
/// All spans hold the whole batch in NCHW order (only the order of drawn noise, and which values
/// belong to a picture, depend on it). Steps are taken in order, 0 to size() - 1; step 0 starts
/// anew, so an object can be walked again. Threads: one walk at a time.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// What the network is told at each call; integers but for Euler's, which may be fractional.
  std::span<const float> timesteps() const { return std::span(timesteps_).subspan(begin_); }
  size_t size() const { return timesteps_.size() - begin_; }
  /// Standard normal noise times this is where a walk at strength 1 begins.
  float init_noise_sigma() const { return init_noise_sigma_; }
  /// Signal left at each training step (for training and reports).
  std::span<const float> alphas_cumprod() const { return alphas_cumprod_; }

  /// In place: what the network is given at call i.
  virtual void scale_model_input(std::span<float> sample, size_t i) const;
  /// sample, before call i and not scaled, becomes the sample after it. Stochastic schedulers draw
  /// one randn of the whole batch from `noise` where diffusers does; the others leave it alone.
  void step(std::span<const float> model_output, size_t i, std::span<float> sample,
            NoiseGenerator& noise);
  /// dst = clean latents with noise of the level before call i. dst may be either input.
  virtual void add_noise(std::span<const float> clean, std::span<const float> noise, size_t i,
                         std::span<float> dst) const = 0;

 protected:
  /// index counts from the beginning of the whole schedule, begin() when strength cut it.
  virtual void take_step(std::span<const float> model_output, size_t index, std::span<float> sample,
                         NoiseGenerator& noise) = 0;
  virtual void start_walk() {}

  /// Drops the calls that `strength` skips. Errors: invalid_argument when none is left.
  Status cut_to_strength(const SchedulerOptions& options);
  size_t begin() const { return begin_; }

  std::vector<float> timesteps_;  // of the whole schedule
  std::vector<float> alphas_cumprod_;
  float init_noise_sigma_ = 1.0f;

 private:
  size_t begin_ = 0;
  size_t next_ = 0;
};

/// The scheduler called `name` (scheduler_names()), set up for a number of steps. `config` is a
/// parsed scheduler_config.json of any diffusers scheduler: its keys count whatever scheduler is
/// chosen; an absent key has the default of the chosen scheduler's diffusers class.
/// Errors: invalid_argument (name with suggestion, steps, strength, eta), bad_file, unsupported.
Result<std::unique_ptr<Scheduler>> make_scheduler(std::string_view name,
                                                  const nlohmann::json& config,
                                                  const SchedulerOptions& options);

/// What make_scheduler() makes of a file: its keys, and the defaults of that scheduler for the
/// rest. Errors: invalid_argument (name), bad_file, unsupported.
Result<SchedulerConfig> read_scheduler_config(std::string_view name, const nlohmann::json& config,
                                              const std::string& origin);

/// All names, in the order they are shown to users.
std::vector<std::string_view> scheduler_names();

/// The name for a diffusers class ("LCMScheduler" -> "lcm"), as `_class_name` of a config or
/// model_index.json gives it. Errors: unsupported, with the classes that are known.
Result<std::string_view> scheduler_name_of_class(std::string_view diffusers_class);

}  // namespace edgefusion::diffusion
