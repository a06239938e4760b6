#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "data/synthesize.h"
#include "formats/json_file.h"

namespace edgefusion::cli {
namespace {

struct Options {
  std::string task, config;
};

void print_report(const data::SynthesizeReport& report, const std::string& folder) {
  fmt::print("{} scenes in {} shards of {}, made of {} objects\n", report.scenes, report.shards,
             folder, report.objects);
  for (const auto& [kind, count] : report.kinds) fmt::print("  {:<14}{}\n", kind, count);
  if (report.passed_over.empty()) return;
  fmt::print("samples passed over:\n");
  for (const auto& [reason, count] : report.passed_over) fmt::print("  {}: {}\n", reason, count);
}

Status run_synthesize(const nlohmann::json& json, const Options& options,
                      const CommonOptions& common) {
  EF_TRY(const auto config, data::SynthesizeConfig::parse(json, options.config));
  EF_TRY(const Runtime runtime, make_runtime(common));
  catch_interrupts();
  const data::SynthesizeCallbacks callbacks = {.log = runtime.log,
                                               .progress =
                                                   [&](int64_t scenes) {
                                                     if (scenes % 1000 == 0)
                                                       fmt::print(stderr, "{}/{} scenes\n", scenes,
                                                                  config.scenes);
                                                   },
                                               .cancel = &interrupt_flag()};
  EF_TRY(const data::SynthesizeReport report, data::synthesize(config, *runtime.pool, callbacks));
  print_report(report, config.out.string());
  return {};
}

struct Task {
  const char* name;
  Status (*run)(const nlohmann::json& json, const Options& options, const CommonOptions& common);
};

constexpr std::array kTasks = {Task{"synthesize", run_synthesize}};

Status run(const Options& options, const CommonOptions& common) {
  const auto task = std::ranges::find(kTasks, options.task, &Task::name);
  EF_CHECK(task != kTasks.end(), "the option takes no other");
  EF_TRY(const nlohmann::json json, formats::read_json_object(options.config));
  return task->run(json, options, common);
}

}  // namespace

Action declare_data(CLI::App& app) {
  auto options = std::make_shared<Options>();
  std::vector<std::string> names;
  for (const Task& task : kTasks) names.emplace_back(task.name);
  app.add_option("task", options->task, "What is done")->required()->check(CLI::IsMember(names));
  app.add_option("config", options->config, "Config file; see docs/data.md")->required();
  app.footer("Example: edgefusion data synthesize config.json");
  return [options](const CommonOptions& common) { return run(*options, common); };
}

}  // namespace edgefusion::cli
