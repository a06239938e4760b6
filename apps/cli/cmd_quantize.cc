#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/default_model.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/picture_size.h"
#include "cli/progress_bar.h"
#include "core/atomic_file.h"
#include "eval/text_lines.h"
#include "quant/calibration_prompts.h"
#include "quant/method_names.h"
#include "quant/quantize_model.h"
#include "quant/report_html.h"
#include "quant/report_json.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model, out, recipe, calibration, report, size;
  size_t count = 0;
  std::vector<std::string> schemes, methods = {"all"};
  bool json = false;
  quant::QuantizeOptions quantize;
};

Status read_prompts(Options& options) {
  quant::QuantizeOptions& quantize = options.quantize;
  if (options.calibration.empty()) {
    const auto own = quant::calibration_prompts();
    quantize.prompts.assign(own.begin(), own.end());
    quantize.provenance = "the prompts that come with edgefusion";
  } else {
    EF_TRY(quantize.prompts, eval::read_text_lines(options.calibration));
    quantize.provenance = fs::path(options.calibration).filename().string();
  }
  if (options.count != 0 && options.count < quantize.prompts.size()) {
    quantize.prompts.resize(options.count);
  }
  quantize.provenance += fmt::format(", {} prompts", quantize.prompts.size());
  return {};
}

Status read_options(Options& options) {
  quant::QuantizeOptions& quantize = options.quantize;
  EF_TRY_STATUS(check_output(options.out));
  if (!options.report.empty()) EF_TRY_STATUS(check_output(options.report));
  if (!options.recipe.empty()) {
    EF_TRY(quantize.recipe, quant::load_recipe(options.recipe));
  }
  if (!options.size.empty()) {
    EF_TRY(const PictureSize size, parse_picture_size(options.size));
    quantize.width = static_cast<int>(size.width);
    quantize.height = static_cast<int>(size.height);
  }
  if (!options.schemes.empty()) quantize.schemes.clear();
  for (const std::string& name : options.schemes) {
    auto scheme = graph::parse_scheme(name);
    if (!scheme) return fail(std::move(scheme).error().with_context("--schemes"));
    quantize.schemes.push_back(*scheme);
  }
  auto methods = quant::parse_methods(options.methods);
  if (!methods) return fail(std::move(methods).error().with_context("--methods"));
  quantize.methods = *methods;
  return read_prompts(options);
}

Status write_report(const Options& options, const quant::QuantizationReport& report) {
  if (options.report.empty()) return {};
  const std::string html = quant::report_html(report);
  EF_TRY_STATUS(write_file_atomically(options.report, std::as_bytes(std::span(html))));
  fs::path json_path = options.report;
  const std::string json = quant::report_json(report);
  return write_file_atomically(json_path.replace_extension(".json"),
                               std::as_bytes(std::span(json)));
}

void print_summary(const Options& options, const quant::QuantizationReport& report) {
  std::map<std::string, int> schemes;
  for (const auto& layer : report.layers) ++schemes[layer.scheme];
  for (const auto& [scheme, count] : schemes) {
    fmt::print(stderr, "{:<16} {} layers\n", scheme, count);
  }
  for (const auto& layer : report.layers) {
    if (layer.fallback.empty()) continue;
    fmt::print(stderr, "{}/{} is {}: {}\n", layer.network, layer.name, layer.scheme,
               layer.fallback);
  }
  const auto& totals = report.totals;
  fmt::print(stderr, "{:.1f} MB -> {:.1f} MB, {:.1f} ms -> {:.1f} ms a picture, {:.2f} dB, SSIM {:.4f}\n",
             static_cast<double>(totals.bytes_before) * 1e-6,
             static_cast<double>(totals.bytes_after) * 1e-6, totals.time_before_ms.value_or(0),
             totals.time_after_ms.value_or(0), totals.psnr_db.value_or(0),
             totals.ssim.value_or(0));
  if (options.json) {
    fmt::print("{}\n", quant::report_json(report));
  } else {
    fmt::print("{}\n", options.out);
  }
}

Status quantize(Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY_STATUS(read_options(options));
  const fs::path path = model_or_default(options.model);
  EF_TRY(auto model, pipeline::Model::open(path));
  ProgressBar bar;
  options.quantize.progress = [&](std::string_view what, size_t done, size_t total) {
    bar.update(what, done, total);
  };
  catch_interrupts();
  options.quantize.cancel = &interrupt_flag();
  EF_TRY(const quant::QuantizationReport report,
         quant::quantize_model(std::move(model), options.quantize, options.out, runtime));
  bar.clear();
  EF_TRY_STATUS(write_report(options, report));
  print_summary(options, report);
  return {};
}

}  // namespace

Action declare_quantize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  quant::QuantizeOptions& quantize_options = options->quantize;
  app.add_option("model", options->model, "Model folder or bundle of floats")->required();
  app.add_option("-o,--output", options->out, "Bundle to write")->required();
  app.add_option("--calibration", options->calibration,
                 "Prompts to calibrate by, one a line [256 that come with the program]");
  app.add_option("--count", options->count, "Only the first N of them");
  app.add_option("--recipe", options->recipe,
                 "JSON that fixes schemes: {\"layers\": {\"unet/*ff*\": \"w8a16\"}}");
  app.add_option("--report", options->report,
                 "HTML to write: what each layer cost and why (and JSON beside it)");
  app.add_option("--min-psnr", quantize_options.goal.min_psnr_db,
                 "Least PSNR in dB against pictures in f32 [28 if no limit is given]");
  app.add_option("--max-ms", quantize_options.goal.max_ms, "Most time of a picture");
  app.add_option("--max-mb", quantize_options.goal.max_mb, "Most size of the bundle");
  app.add_option("--schemes", options->schemes,
                 "What the search may choose beside bf16 [w8a8,w8a8_dynamic,w8a8_winograd]")
      ->delimiter(',');
  app.add_option("--methods", options->methods,
                 "Means against error that are used: all, none, or some of outputs, range, clip, "
                 "sources, equalize, hadamard, bias, feedback")
      ->delimiter(',');
  app.add_option("--steps", quantize_options.steps, "Denoising steps [the model's]");
  app.add_option("--size", options->size, "Picture size, WxH [the model's]");
  app.add_option("-s,--seed", quantize_options.seed, "Of the first prompt's noise")
      ->capture_default_str();
  app.add_option("--sensitivity-prompts", quantize_options.sensitivity_prompts,
                 "Pictures painted to judge one layer")
      ->capture_default_str();
  app.add_flag("--json", options->json, "Print the report as JSON");
  app.footer(
      "Example: edgefusion quantize models/emoji-256 -o emoji-256.int8.safetensors --report "
      "report.html");
  return [options](const CommonOptions& common) { return quantize(*options, common); };
}

}  // namespace edgefusion::cli
