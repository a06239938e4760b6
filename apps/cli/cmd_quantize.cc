#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "cli/command.h"
#include "cli/default_model.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/picture_size.h"
#include "cli/progress_bar.h"
#include "cli/seed_option.h"
#include "core/atomic_file.h"
#include "eval/image_text_model.h"
#include "eval/scores.h"
#include "eval/text_lines.h"
#include "quant/calibration_prompts.h"
#include "quant/method_names.h"
#include "quant/prompt_split.h"
#include "quant/quantize_model.h"
#include "quant/report_html.h"
#include "quant/report_json.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model, out, recipe, calibration, report, size, scorer;
  size_t count = 0;
  std::vector<std::string> schemes, methods = {"all"};
  bool json = false;
  quant::QuantizeOptions quantize;
};

constexpr size_t kFewPrompts = 16;  // ranges of fewer are a matter of chance

Status read_prompts(Options& options, const Runtime& runtime) {
  quant::QuantizeOptions& quantize = options.quantize;
  std::vector<std::string> prompts;
  if (options.calibration.empty()) {
    const auto own = quant::calibration_prompts();
    prompts.assign(own.begin(), own.end());
    quantize.provenance = "the prompts that come with edgefusion";
  } else {
    EF_TRY(prompts, eval::read_text_lines(options.calibration));
    quantize.provenance = fs::path(options.calibration).filename().string();
  }
  constexpr size_t kMostChecks = 8;
  quant::PromptSplit split = quant::split_prompts(std::move(prompts), options.count, kMostChecks);
  quantize.prompts = std::move(split.calibration);
  quantize.check = std::move(split.check);
  quantize.provenance += fmt::format(", {} prompts", quantize.prompts.size());
  if (quantize.prompts.size() < kFewPrompts) {
    runtime.log(
        LogLevel::warn,
        fmt::format("calibrated by {} and checked on {} prompts, expected at least {}: other "
                    "prompts may come out worse than is stated",
                    quantize.prompts.size(), quantize.check.size(), kFewPrompts));
  }
  return {};
}

fs::path json_beside(const fs::path& report) { return fs::path(report).replace_extension(".json"); }

/// Nothing that is written is what is read, or another thing that is written.
Status check_paths(const Options& options) {
  struct Named {
    const char* what;
    fs::path path;
  };
  std::vector<Named> written = {{"--output", options.out}};
  if (!options.report.empty()) {
    written.push_back({"--report", options.report});
    written.push_back({"the JSON beside --report", json_beside(options.report)});
  }
  std::vector<Named> known = {{"the model", model_or_default(options.model)}};
  if (!options.recipe.empty()) known.push_back({"--recipe", options.recipe});
  if (!options.calibration.empty()) known.push_back({"--calibration", options.calibration});
  if (!options.scorer.empty()) known.push_back({"--scorer", options.scorer});
  for (const Named& file : written) {
    EF_TRY_STATUS(check_output(file.path));
    const auto is_same = [&](const Named& other) {
      std::error_code none;
      return fs::weakly_canonical(file.path, none) == fs::weakly_canonical(other.path, none);
    };
    const auto twice = std::ranges::find_if(known, is_same);
    if (twice != known.end()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{}: is {} and {}, expected two files", file.path.string(),
                              twice->what, file.what));
    }
    known.push_back(file);
  }
  return {};
}

Status read_options(Options& options, const Runtime& runtime) {
  quant::QuantizeOptions& quantize = options.quantize;
  EF_TRY_STATUS(check_paths(options));
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
  return read_prompts(options, runtime);
}

Status write_report(const Options& options, const quant::QuantizationReport& report) {
  if (options.report.empty()) return {};
  const std::string html = quant::report_html(report);
  EF_TRY_STATUS(write_file_atomically(options.report, std::as_bytes(std::span(html))));
  const std::string json = quant::report_json(report);
  return write_file_atomically(json_beside(options.report), std::as_bytes(std::span(json)));
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
  fmt::print(stderr,
             "{:.1f} MB -> {:.1f} MB, {:.1f} ms -> {:.1f} ms a picture, {:.2f} dB, SSIM {:.4f}\n",
             static_cast<double>(totals.bytes_before) * 1e-6,
             static_cast<double>(totals.bytes_after) * 1e-6, totals.time_before_ms.value_or(0),
             totals.time_after_ms.value_or(0), totals.psnr_db.value_or(0), totals.ssim.value_or(0));
  if (options.json) {
    fmt::print("{}\n", quant::report_json(report));
  } else {
    fmt::print("{}\n", options.out);
  }
}

/// Scores of pictures by that judge, one beside each prompt.
Result<std::vector<double>> clip_scores(eval::ImageTextModel& scorer,
                                        std::span<const std::string> prompts,
                                        std::span<const formats::Image> pictures) {
  std::vector<double> scores;
  for (size_t i = 0; i < prompts.size(); ++i) {
    EF_TRY(const Tensor text, scorer.of_texts(prompts.subspan(i, 1)));
    EF_TRY(const auto features, scorer.of_pictures(pictures.subspan(i, 1)));
    scores.push_back(eval::clip_score(features.embeddings, text));
  }
  return scores;
}

Status quantize(Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY_STATUS(read_options(options, runtime));
  std::optional<eval::ImageTextModel> scorer;
  if (!options.scorer.empty()) {
    EF_TRY(auto opened, eval::ImageTextModel::open(options.scorer, runtime));
    scorer.emplace(std::move(opened));
    options.quantize.clip_scores = [&](auto prompts, auto pictures) {
      return clip_scores(*scorer, prompts, pictures);
    };
  }
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

/// A check of a number's text: empty if it is finite and above 0. A range of CLI11 lets NaN pass.
std::string is_limit(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (is_number && std::isfinite(value) && value > 0) return {};
  return text + ": expected a number above 0";
}

void declare_limits(CLI::App& app, quant::SearchGoal& goal) {
  app.add_option("--min-psnr", goal.min_psnr_db,
                 "Least PSNR in dB against pictures in f32 [28 if no limit is given]")
      ->check(is_limit);
  app.add_option("--max-ms", goal.max_ms, "Most time of a picture, measured as a whole")
      ->check(is_limit);
  app.add_option("--max-mb", goal.max_mb, "Most size of the bundle, in 10^6 bytes")
      ->check(is_limit);
}

}  // namespace

Action declare_quantize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  quant::QuantizeOptions& quantize_options = options->quantize;
  app.add_option("model", options->model, "Model folder or bundle of floats")->required();
  app.add_option("-o,--output", options->out, "Bundle to write")->required();
  app.add_option("--calibration", options->calibration,
                 "Prompts to calibrate by, one a line [256 that come with the program]");
  app.add_option("--count", options->count, "Only the first N of them")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--recipe", options->recipe,
                 "JSON that fixes schemes: {\"layers\": {\"unet/*ff*\": \"w8a16\"}}");
  app.add_option("--report", options->report,
                 "HTML to write: what each layer cost and why (and JSON beside it)");
  declare_limits(app, quantize_options.goal);
  app.add_option("--schemes", options->schemes,
                 "What the search may choose beside bf16 [w8a8,w8a8_dynamic,w8a8_winograd]")
      ->delimiter(',');
  app.add_option("--methods", options->methods,
                 "Means against error that are used: all, none, or some of outputs, range, "
                 "range_99_9, range_99_99, clip, sources, equalize, hadamard, bias, feedback")
      ->delimiter(',');
  app.add_option("--steps", quantize_options.steps, "Denoising steps [the model's]");
  app.add_option("--size", options->size, "Picture size, WxH [the model's]");
  app.add_option("-s,--seed", quantize_options.seed, "Of the first prompt's noise")
      ->check(is_seed)
      ->capture_default_str();
  app.add_option("--sensitivity-prompts", quantize_options.sensitivity_prompts,
                 "Pictures painted to judge one layer")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--scorer", options->scorer,
                 "Model that judges (a checkpoint of train image_text): CLIP scores in the report");
  app.add_flag("--json", options->json, "Print the report as JSON");
  app.footer(
      "Example: edgefusion quantize models/emoji-256 -o emoji-256.int8.safetensors --report "
      "report.html");
  return [options](const CommonOptions& common) { return quantize(*options, common); };
}

}  // namespace edgefusion::cli
