#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "core/env.h"
#include "formats/json_file.h"
#include "train/train_autoencoder.h"
#include "train/train_image_text.h"
#include "train/train_text.h"
#include "train/train_unet.h"

namespace edgefusion::cli {
namespace {

struct Options {
  std::string task, config;
  bool resume = false, dry_run = false;
  int64_t lora_rank = 0;
};

void print_steps(const train::RunConfig& config, int64_t macs_per_sample, int64_t weight_bytes) {
  fmt::print("forward pass    {:.2f} GMAC a sample, {:.1f} GMAC a step forwards and backwards\n",
             static_cast<double>(macs_per_sample) / 1e9,
             3e-9 * static_cast<double>(macs_per_sample * config.batch * config.accumulate));
  fmt::print("weights         {:.0f} MB with gradients, average and the optimiser's state\n",
             static_cast<double>(weight_bytes) / 1e6);
  fmt::print("steps           {} of {} samples\n", config.steps, config.batch * config.accumulate);
}

Status print_plan(const train::TrainConfig& config) {
  EF_TRY(const train::TrainPlan plan, train::plan_training(config));
  fmt::print("U-Net           {:.2f} M parameters\n", static_cast<double>(plan.parameters) / 1e6);
  fmt::print("latents         {}x{}\n", plan.latent_width, plan.latent_height);
  print_steps(config, plan.macs_per_sample, plan.weight_bytes);
  return {};
}

Status print_plan(const train::TextConfig& config) {
  EF_TRY(const train::TextPlan plan, train::plan_text(config));
  fmt::print("text encoder    {:.2f} M parameters of the teacher's {:.2f} M\n",
             static_cast<double>(plan.parameters) / 1e6,
             static_cast<double>(plan.teacher_parameters) / 1e6);
  print_steps(config, plan.macs_per_text, plan.weight_bytes);
  return {};
}

Status print_plan(const train::AutoencoderConfig& config) {
  EF_TRY(const train::AutoencoderPlan plan, train::plan_autoencoder(config));
  fmt::print("autoencoder     {:.2f} M parameters\n", static_cast<double>(plan.parameters) / 1e6);
  fmt::print("squares         {0}x{0} pixels\n", config.crop);
  print_steps(config, plan.macs_per_sample, plan.weight_bytes);
  return {};
}

Status print_plan(const train::ImageTextConfig& config) {
  EF_TRY(const train::ImageTextPlan plan, train::plan_image_text(config));
  fmt::print("image tower     {:.2f} M parameters, with the projections\n",
             static_cast<double>(plan.parameters) / 1e6);
  print_steps(config, plan.macs_per_picture, plan.weight_bytes);
  return {};
}

/// "1 h 05 min", "40 s"
std::string rough_time(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  const auto minutes = static_cast<int64_t>(seconds / 60);
  if (minutes < 60) return fmt::format("{} min", minutes);
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

void print_step(const train::RunConfig& config, int64_t processes,
                const train::TrainMetrics& line) {
  const auto left = static_cast<double>((config.steps - line.step) * config.batch *
                                        config.accumulate * processes);
  fmt::print(stderr,
             "step {}/{}  loss {:.4f}  gradient {:.3f}  rate {:.2e}  {:.1f} samples/s  {} left\n",
             line.step, config.steps, line.loss, line.gradient_norm, line.learning_rate,
             line.samples_per_second, rough_time(left / line.samples_per_second));
}

/// What a run needs beside its config.
struct Setting {
  train::Processes processes;
  train::TrainCallbacks callbacks;
};

/// Sets up threads, the other processes and what is told; the config must outlive it.
Result<Setting> start(const train::RunConfig& config, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  train::use_threads(runtime.pool->threads());
  EF_TRY(const train::ProcessPlace place, train::process_place(read_environment()));
  EF_TRY(train::Processes processes,
         train::Processes::join(place, {std::chrono::seconds(config.process_timeout_s)}));
  catch_interrupts();
  const int64_t count = processes.size();
  train::TrainCallbacks callbacks = {
      .log = runtime.log,
      .reading =
          [](int64_t pictures) {
            if (pictures % 500 == 0) fmt::print(stderr, "{} pictures read\n", pictures);
          },
      .encoding =
          [](int64_t texts) {
            if (texts % 6400 == 0) fmt::print(stderr, "{} captions encoded\n", texts);
          },
      .step = [&config, count](const auto& line) { print_step(config, count, line); },
      .cancel = &interrupt_flag()};
  return Setting{std::move(processes), std::move(callbacks)};
}

template <train::TrainTask task>
Status run_unet(const nlohmann::json& json, const Options& options, const CommonOptions& common) {
  EF_TRY(const train::TrainConfig config, train::TrainConfig::parse(json, options.config, task));
  if (options.dry_run) return print_plan(config);
  EF_TRY(Setting setting, start(config, common));
  return train::train_unet(config, options.resume, setting.processes, setting.callbacks);
}

Status run_autoencoder(const nlohmann::json& json, const Options& options,
                       const CommonOptions& common) {
  EF_TRY(const auto config, train::AutoencoderConfig::parse(json, options.config));
  if (options.dry_run) return print_plan(config);
  EF_TRY(Setting setting, start(config, common));
  EF_TRY(const train::AutoencoderReport report,
         train::train_autoencoder(config, options.resume, setting.processes, setting.callbacks));
  if (report.pictures > 0) {
    fmt::print("{} pictures: PSNR {:.2f} dB, SSIM {:.4f}, latents {:.2f} +- {:.2f}\n",
               report.pictures, report.psnr_db, report.ssim, report.latent_mean,
               report.latent_deviation);
  }
  return {};
}

Status run_text(const nlohmann::json& json, const Options& options, const CommonOptions& common) {
  EF_TRY(const train::TextConfig config, train::TextConfig::parse(json, options.config));
  if (options.dry_run) return print_plan(config);
  EF_TRY(Setting setting, start(config, common));
  EF_TRY(const train::TextReport report,
         train::train_text(config, options.resume, setting.processes, setting.callbacks));
  if (setting.processes.first()) fmt::print("{}\n", report.summary());
  return {};
}

Status run_image_text(const nlohmann::json& json, const Options& options,
                      const CommonOptions& common) {
  EF_TRY(const auto config, train::ImageTextConfig::parse(json, options.config));
  if (options.dry_run) return print_plan(config);
  EF_TRY(Setting setting, start(config, common));
  EF_TRY(const train::ImageTextReport report,
         train::train_image_text(config, options.resume, setting.processes, setting.callbacks));
  if (setting.processes.first()) fmt::print("{}\n", report.summary());
  return {};
}

struct Task {
  const char* name;
  Status (*run)(const nlohmann::json& json, const Options& options, const CommonOptions& common);
};

constexpr std::array kTasks = {Task{"autoencoder", run_autoencoder},
                               Task{"text", run_text},
                               Task{"image_text", run_image_text},
                               Task{"finetune", run_unet<train::TrainTask::finetune>},
                               Task{"distill", run_unet<train::TrainTask::distill>},
                               Task{"lcm", run_unet<train::TrainTask::lcm>}};

Status run(const Options& options, const CommonOptions& common) {
  const auto task = std::ranges::find(kTasks, options.task, &Task::name);
  EF_CHECK(task != kTasks.end(), "the option takes no other");
  EF_TRY(nlohmann::json json, formats::read_json_object(options.config));
  if (options.lora_rank > 0) json["lora_rank"] = options.lora_rank;
  return task->run(json, options, common);
}

}  // namespace

Action declare_train(CLI::App& app) {
  auto options = std::make_shared<Options>();
  std::vector<std::string> names;
  for (const Task& task : kTasks) names.emplace_back(task.name);
  app.add_option("task", options->task, "What is trained, and how")
      ->required()
      ->check(CLI::IsMember(names));
  app.add_option("config", options->config, "Config file; see docs/training.md")->required();
  app.add_option("--lora-rank", options->lora_rank,
                 "Train adapters of this rank instead of the weights (as \"lora_rank\" does)")
      ->check(CLI::Range(1, 4096));
  app.add_flag("--resume", options->resume, "Go on from the newest checkpoint");
  app.add_flag("--dry-run", options->dry_run, "Show size and cost, train nothing");
  app.footer("Example: edgefusion train finetune config.json");
  return [options](const CommonOptions& common) { return run(*options, common); };
}

}  // namespace edgefusion::cli
