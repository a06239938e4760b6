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
#include "cli/train_plan.h"
#include "cli/train_progress.h"
#include "core/env.h"
#include "formats/json_file.h"
#include "train/run_folder.h"
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

/// What a run needs beside its config.
struct Setting {
  train::Processes processes;
  train::TrainCallbacks callbacks;
};

/// Sets up threads, device, the other processes and what is told; the config must outlive it.
Result<Setting> start(train::RunConfig& config, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  train::prepare_machine(runtime.pool->threads());
  EF_TRY(const train::ProcessPlace place, train::process_place(read_environment()));
  EF_TRY(config.place, train::choose_device(config.device, place.local_rank));
  EF_TRY(train::Processes processes,
         train::Processes::join(place, {.timeout = std::chrono::seconds(config.process_timeout_s),
                                        .cuda = config.place.starts_with("cuda")}));
  catch_interrupts();
  auto progress = std::make_shared<TrainProgress>(config, processes.size());
  train::TrainCallbacks callbacks = {
      .log =
          [log = runtime.log, progress](LogLevel level, std::string_view text) {
            progress->make_room();
            log(level, text);
          },
      .reading = [progress](int64_t pictures) { progress->reading(pictures); },
      .encoding = [progress](int64_t texts) { progress->encoding(texts); },
      .step = [progress](const train::TrainMetrics& line) { progress->step(line); },
      .cancel = &interrupt_flag()};
  return Setting{std::move(processes), std::move(callbacks)};
}

template <class Config>
Status show_plan(Config& config, bool resume, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY_STATUS(train::check_out(config, resume));
  train::prepare_machine(runtime.pool->threads());
  EF_TRY(config.place, train::choose_device(config.device, 0));
  return print_plan(config);
}

/// What a task does with its config once all is set up.
template <class Config>
using Train = Status (*)(const Config& config, bool resume, Setting& setting);

template <class Config>
Status run_task(Result<Config> parsed, Train<Config> train, const Options& options,
                const CommonOptions& common) {
  EF_TRY(Config config, std::move(parsed));
  if (options.dry_run) return show_plan(config, options.resume, common);
  EF_TRY(Setting setting, start(config, common));
  return train(config, options.resume, setting);
}

/// A report that says itself what it has to say.
template <class Report>
Status print_summary(const Result<Report>& report, const Setting& setting) {
  if (!report) return fail(report.error());
  const std::string text = report->summary();
  if (setting.processes.first() && !text.empty()) fmt::print("{}\n", text);
  return {};
}

template <train::TrainTask task>
Status run_unet(const nlohmann::json& json, const Options& options, const CommonOptions& common) {
  const Train<train::TrainConfig> train = [](const auto& config, bool resume, Setting& setting) {
    return train::train_unet(config, resume, setting.processes, setting.callbacks);
  };
  return run_task(train::TrainConfig::parse(json, options.config, task), train, options, common);
}

Status run_autoencoder(const nlohmann::json& json, const Options& options,
                       const CommonOptions& common) {
  const Train<train::AutoencoderConfig> train = [](const auto& config, bool resume,
                                                   Setting& setting) {
    return print_summary(
        train::train_autoencoder(config, resume, setting.processes, setting.callbacks), setting);
  };
  return run_task(train::AutoencoderConfig::parse(json, options.config), train, options, common);
}

Status run_text(const nlohmann::json& json, const Options& options, const CommonOptions& common) {
  const Train<train::TextConfig> train = [](const auto& config, bool resume, Setting& setting) {
    return print_summary(train::train_text(config, resume, setting.processes, setting.callbacks),
                         setting);
  };
  return run_task(train::TextConfig::parse(json, options.config), train, options, common);
}

Status run_image_text(const nlohmann::json& json, const Options& options,
                      const CommonOptions& common) {
  const Train<train::ImageTextConfig> train = [](const auto& config, bool resume,
                                                 Setting& setting) {
    return print_summary(
        train::train_image_text(config, resume, setting.processes, setting.callbacks), setting);
  };
  return run_task(train::ImageTextConfig::parse(json, options.config), train, options, common);
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
  app.add_flag("--dry-run", options->dry_run,
               "Show size, cost, memory and time of a step; train nothing");
  app.footer("Example: edgefusion train finetune config.json");
  return [options](const CommonOptions& common) { return run(*options, common); };
}

}  // namespace edgefusion::cli
