#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/picture_size.h"
#include "cli/plan_costs.h"
#include "cli/plan_execution.h"
#include "cli/plan_networks.h"
#include "cli/plan_summary.h"
#include "cli/progress_bar.h"
#include "core/atomic_file.h"
#include "core/nearest_name.h"
#include "npu/part_of.h"
#include "npu/plan_file.h"
#include "npu/plan_report_html.h"
#include "npu/planned_run.h"
#include "npu/timeline_trace.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  PlanSource source;
  std::string device, size, out, html, trace, costs, network, only, check;
  npu::PlanOptions plan;
  bool json = false, execute = false;
};

/// One that comes along, or a file.
Result<npu::Device> find_device(const std::string& name) {
  const bool is_file = name.ends_with(".json") || name.find('/') != std::string::npos;
  return is_file ? npu::load_device(name) : npu::builtin_device(name);
}

Status check_outputs(const Options& options) {
  for (const std::string* file : {&options.out, &options.html, &options.trace, &options.costs}) {
    if (!file->empty()) EF_TRY_STATUS(check_output(*file));
  }
  return {};
}

Status keep_network(const std::string& wanted, ModelToPlan& model) {
  if (wanted.empty()) return {};
  std::vector<std::string_view> names;
  for (const NetworkToPlan& network : model.networks) names.push_back(network.name);
  if (std::ranges::count(names, wanted) == 0) {
    return fail(ErrorCode::invalid_argument,
                "--network: " + unknown_name_message("network", wanted, names));
  }
  std::erase_if(model.networks,
                [&](const NetworkToPlan& network) { return network.name != wanted; });
  return {};
}

Result<npu::Work> work_of(const NetworkToPlan& network, const npu::Device& device) {
  EF_TRY(npu::Work work,
         npu::make_work(network.graph, device, npu::WorkOptions{.arithmetic = network.assumed}));
  work.name = network.name;
  return work;
}

Result<std::vector<npu::PlannedRun>> plan_all(const ModelToPlan& model, const npu::Device& device,
                                              const Options& options) {
  std::vector<npu::PlannedRun> runs;
  ProgressBar bar;
  for (size_t i = 0; i < model.networks.size(); ++i) {
    const NetworkToPlan& network = model.networks[i];
    bar.update("planning " + network.name, i, model.networks.size());
    EF_TRY(npu::Work work, work_of(network, device));
    // Everything may have been decided beforehand.
    if (work.ops.empty()) continue;
    if (!options.only.empty()) {
      EF_TRY(work, npu::part_of(work, options.only));
    }
    EF_TRY(npu::PlannedRun run, npu::plan_run(device, std::move(work), network.runs, options.plan));
    runs.push_back(std::move(run));
  }
  return runs;
}

npu::PlanFile plan_file(const Options& options, const npu::Device& device, const ModelToPlan& model,
                        const std::vector<npu::PlannedRun>& runs) {
  npu::PlanFile file;
  file.device = device.name;
  file.device_hash = npu::device_hash(device);
  file.model = model.name;
  file.precision = options.source.precision;
  file.width = model.size.width;
  file.height = model.size.height;
  for (const npu::PlannedRun& run : runs) file.networks.push_back(npu::planned_network(run));
  return file;
}

Status write_text(const std::string& path, const std::string& text) {
  if (path.empty()) return {};
  return write_file_atomically(path, std::as_bytes(std::span(text)));
}

/// The trace of the network that takes longest in a picture.
std::string trace_of(const npu::Device& device, const std::vector<npu::PlannedRun>& runs) {
  const auto longest = std::ranges::max_element(runs, {}, [](const npu::PlannedRun& run) {
    return run.timeline.totals.cycles * static_cast<double>(run.runs);
  });
  return npu::to_trace_json(device, longest->work, longest->schedule, longest->timeline);
}

/// The first line in which two texts differ.
std::string first_difference(const std::string& expected, const std::string& found) {
  const auto [a, b] = std::ranges::mismatch(expected, found);
  const auto line = [](const std::string& text, std::string::const_iterator at) {
    const auto index = static_cast<size_t>(at - text.begin());
    const size_t begin = index == 0 ? 0 : text.rfind('\n', index - 1) + 1;
    const size_t from = text.find_first_not_of(' ', begin);
    return from == std::string::npos ? "" : text.substr(from, text.find('\n', from) - from);
  };
  return "expected " + line(expected, a) + ", found " + line(found, b);
}

/// A plan that was written before, against what follows from it here.
Status check_plan(const Options& given) {
  Options options = given;
  EF_TRY(const npu::PlanFile file, npu::load_plan(options.check));
  const auto in_file = [&](Error error) {
    return fail(std::move(error).with_context(options.check));
  };
  if (options.device.empty()) options.device = file.device;
  EF_TRY(const npu::Device device, find_device(options.device));
  const PictureSize size{static_cast<int>(file.width), static_cast<int>(file.height)};
  const PictureSize asked = options.source.size.value_or(size);
  if (asked.width != size.width || asked.height != size.height) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: size: expected {}x{}, found {}x{}", options.check, asked.width,
                            asked.height, size.width, size.height));
  }
  options.source.size = size;
  options.source.precision = file.precision;
  EF_TRY(ModelToPlan model, model_to_plan(options.source));
  EF_TRY_STATUS(keep_network(options.network, model));
  size_t checked = 0;
  for (const NetworkToPlan& network : model.networks) {
    const auto planned = std::ranges::find(file.networks, network.name, &npu::PlannedNetwork::name);
    if (planned == file.networks.end()) continue;
    EF_TRY(npu::Work work, work_of(network, device));
    auto plan = npu::plan_for(file, *planned, device, work);
    if (!plan) return in_file(std::move(plan).error());
    auto run = npu::run_of_plan(device, std::move(work), std::move(*plan), planned->runs);
    if (!run) return in_file(std::move(run).error().with_context(network.name));
    npu::PlanFile here = file, there = file;
    here.networks = {npu::planned_network(*run)};
    there.networks = {*planned};
    const std::string expected = npu::to_json(here), found = npu::to_json(there);
    if (expected != found) {
      return fail(ErrorCode::bad_file,
                  options.check + ": " + network.name + ": " + first_difference(expected, found));
    }
    fmt::print("{:<14} {:.3f} ms, as the plan says\n", network.name,
               device.milliseconds(run->timeline.totals.cycles));
    if (options.execute) {
      EF_TRY(const std::string lines, execute_plans(model, device, {&*run, 1}));
      fmt::print("{}", lines);
    }
    ++checked;
  }
  if (checked == (options.network.empty() ? file.networks.size() : 1)) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("{}: networks: expected some of {}, found others", options.check, model.name));
}

Status plan(Options& options) {
  EF_TRY_STATUS(check_outputs(options));
  if (!options.size.empty()) {
    EF_TRY(options.source.size, parse_picture_size(options.size));
  }
  options.source.needs_weights = options.execute;
  if (!options.check.empty()) return check_plan(options);
  if (options.device.empty()) {
    return fail(ErrorCode::invalid_argument, "--device: expected a name or a file, found nothing");
  }
  EF_TRY(const npu::Device device, find_device(options.device));
  EF_TRY(ModelToPlan model, model_to_plan(options.source));
  EF_TRY_STATUS(keep_network(options.network, model));
  EF_TRY(const std::vector<npu::PlannedRun> runs, plan_all(model, device, options));
  if (runs.empty()) {
    return fail(ErrorCode::invalid_argument,
                "--network: " + options.network + " has nothing to do");
  }
  std::string executed;
  if (options.execute) {
    EF_TRY(executed, execute_plans(model, device, runs));
  }
  const std::string json = npu::to_json(plan_file(options, device, model, runs));
  EF_TRY_STATUS(write_text(options.out, json));
  if (!options.html.empty()) {
    const npu::PlanReportTitle title{model.name, model.size.width, model.size.height, model.steps};
    EF_TRY_STATUS(write_text(options.html, npu::plan_report_html(device, title, runs)));
  }
  if (!options.costs.empty()) {
    EF_TRY_STATUS(write_text(options.costs, costs_json(device, runs)));
  }
  if (!options.trace.empty()) EF_TRY_STATUS(write_text(options.trace, trace_of(device, runs)));
  fmt::print("{}", options.json ? json : plan_summary(device, model, runs) + executed);
  return {};
}

}  // namespace

Action declare_plan(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model", options->source.model,
                 "Model folder or bundle [the model that comes with the program]");
  app.add_option(
      "--device", options->device,
      "NPU to plan for: exynos-2400, large-16m, micro-512k, or a file that describes one");
  app.add_option("--size", options->size, "Picture size, WxH [the model's; 512x512 with --arch]");
  app.add_option("--steps", options->source.steps, "Denoising steps [the model's; 2 with --arch]")
      ->check(CLI::Range(1, 1000));
  app.add_option("-o,--output", options->out, "Plan to write, JSON");
  app.add_option("--html", options->html, "Report to write: timeline, memory map, reasons");
  app.add_option("--trace", options->trace,
                 "Trace of the network that takes longest to write, for ui.perfetto.dev");
  app.add_option("--costs", options->costs,
                 "JSON to write: cycles, bytes and products of each op and transfer of each group");
  app.add_option("--network", options->network,
                 "This one alone: text_encoder, unet_once, unet_timestep, unet, vae_decoder");
  app.add_option("--precision", options->source.precision,
                 "auto, or what all layers multiply in: f16, w8a16, w8a8")
      ->check(CLI::IsMember({"auto", "f16", "w8a16", "w8a8"}))
      ->capture_default_str();
  app.add_option("--arch", options->source.arch,
                 "Plan this U-Net's shapes instead of a model: bk-sdm-tiny, sd15, ...");
  app.add_option("--decoder", options->source.decoder, "Decoder beside --arch: taesd or vae")
      ->check(CLI::IsMember({"taesd", "vae"}))
      ->capture_default_str();
  app.add_option("--batch", options->source.batch, "Pictures, or passes under guidance, at a time")
      ->check(CLI::Range(1, 64));
  app.add_option("--only", options->only,
                 "Only ops whose names begin so, as a network of their own (with --network)")
      ->needs("--network");
  app.add_option(
         "--attention-rows", options->plan.search.attention_rows,
         "Rows of scores in a tile of an attention, 0: chosen; what does not fit goes to DRAM")
      ->check(CLI::Range(0, 1 << 20));
  app.add_flag("--op-by-op", options->plan.op_by_op,
               "Do not search: op after op, each from DRAM to DRAM");
  app.add_option("--check", options->check,
                 "Verify and simulate this plan again, and compare all it says");
  app.add_flag("--execute", options->execute,
               "Also run the plan tile by tile on the CPU, beside the untiled network")
      ->excludes("--only");
  app.add_flag("--json", options->json, "Print the plan as JSON");
  app.footer("Example: edgefusion plan --device exynos-2400 -o plan.json --html plan.html");
  return [options](const CommonOptions&) { return plan(*options); };
}

}  // namespace edgefusion::cli
