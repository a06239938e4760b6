#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "cli/cache_folder.h"
#include "cli/command.h"
#include "cli/default_model.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/picture_size.h"
#include "cli/progress_bar.h"
#include "core/atomic_file.h"
#include "pipeline/model_quantization.h"
#include "pipeline/text_to_image.h"
#include "profile/compare.h"
#include "profile/profile_html.h"
#include "profile/profile_json.h"
#include "profile/profile_request.h"
#include "profile/profile_table.h"
#include "profile/random_request.h"
#include "profile/trace_json.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model, size, precision = "auto", prompt = "a red apple";
  std::string arch, decoder;
  std::string trace, html, json, compare;
  std::optional<int> steps;
  int repeat = 5;
};

bool is_random(const Options& options) { return !options.arch.empty() || !options.decoder.empty(); }

void declare_options(CLI::App& app, Options& options) {
  auto* model = app.add_option(
      "model", options.model,
      "Model folder in the diffusers layout, or bundle [the model that comes with the program]");
  app.add_option("--size", options.size, "Picture size, e.g. 512x512 [the model's]");
  app.add_option("--steps", options.steps, "Denoising steps [the model's; 2 with --arch]")
      ->check(CLI::Range(1, 1000));
  app.add_option("--precision", options.precision,
                 "auto, f32, bf16 or int8 (a quantised model's own)")
      ->capture_default_str();
  app.add_option("-p,--prompt", options.prompt, "What to paint")->capture_default_str();
  app.add_option("--repeat", options.repeat, "Traced requests; one more warms up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--trace", options.trace, "Write a trace of the fastest one, for ui.perfetto.dev");
  app.add_option("--html", options.html, "Write a page with charts");
  app.add_option("--json", options.json, "Write the profile as JSON; without a file: to stdout")
      ->expected(0, 1)
      ->default_str("-");
  app.add_option("--compare", options.compare, "Say what changed since this profile (JSON)");
  app.add_option("--arch", options.arch, "Instead of a model: this U-Net with random weights")
      ->check(CLI::IsMember({"bk-sdm-tiny", "bk-sdm-small", "bk-sdm-base", "sd15"}))
      ->excludes(model);
  app.add_option("--decoder", options.decoder, "The decoder beside it: taesd or vae [taesd]")
      ->check(CLI::IsMember({"taesd", "vae"}))
      ->excludes(model);
  app.footer("Example: edgefusion profile --html profile.html --json before.json");
}

Status check_outputs(const Options& options) {
  for (const std::string* file : {&options.trace, &options.html, &options.json}) {
    if (!file->empty() && *file != "-") EF_TRY_STATUS(check_output(*file));
  }
  return {};
}

Status write_text(const std::string& file, const std::string& text) {
  return write_file_atomically(file, std::as_bytes(std::span(text)));
}

Result<profile::Recording> profile_model(const Options& options, const Runtime& runtime,
                                         const profile::ProfileOptions& how) {
  const fs::path folder = model_or_default(options.model);
  EF_TRY(auto model, pipeline::Model::open(folder));
  pipeline::GenerationRequest request;
  request.prompt = options.prompt;
  request.steps = options.steps;
  request.cancel = how.cancel;
  if (!options.size.empty()) {
    EF_TRY(const PictureSize size, parse_picture_size(options.size));
    request.width = size.width;
    request.height = size.height;
  }
  EF_TRY(request.precision,
         pipeline::choose_precision(options.precision, model->folder(), runtime.isa));
  std::optional<pipeline::PackedCache> cache;
  if (const auto place = cache_folder(options.model)) {
    cache.emplace(pipeline::PackedCacheOptions{.folder = *place}, runtime);
  }
  const pipeline::TextToImage painter(std::move(model), runtime, cache ? &*cache : nullptr);
  return profile::profile_request(painter, request,
                                  fs::weakly_canonical(folder).filename().string(), runtime, how);
}

Result<profile::Recording> profile_random(const Options& options, const Runtime& runtime,
                                          const profile::ProfileOptions& how) {
  EF_TRY(const PictureSize size,
         parse_picture_size(options.size.empty() ? "512x512" : options.size));
  EF_TRY(const engine::Precision precision,
         engine::parse_precision(options.precision, runtime.isa));
  return profile::profile_random({.unet = options.arch.empty() ? "bk-sdm-tiny" : options.arch,
                                  .decoder = options.decoder.empty() ? "taesd" : options.decoder,
                                  .width = size.width,
                                  .height = size.height,
                                  .steps = options.steps.value_or(2),
                                  .precision = precision},
                                 runtime, how);
}

Status write_files(const Options& options, const profile::Recording& recording,
                   const profile::Comparison* comparison) {
  if (!options.trace.empty()) {
    EF_TRY_STATUS(write_text(options.trace, profile::trace_json(recording)));
  }
  if (!options.html.empty()) {
    EF_TRY_STATUS(write_text(options.html, profile::profile_html(recording, comparison)));
  }
  if (!options.json.empty() && options.json != "-") {
    EF_TRY_STATUS(write_text(options.json, profile::profile_json(recording.profile)));
  }
  return {};
}

Status run_profile(const Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY_STATUS(check_outputs(options));
  std::optional<profile::Profile> before;
  if (!options.compare.empty()) {
    EF_TRY(before, profile::load_profile(options.compare));
  }
  catch_interrupts();
  ProgressBar bar;
  profile::ProfileOptions how;
  how.requests = options.repeat;
  how.cancel = &interrupt_flag();
  how.progress = [&](int done, int total) {
    bar.update("profile", static_cast<size_t>(done), static_cast<size_t>(total));
  };
  if (before) {
    how.subject_known = [&](const profile::Subject& subject) {
      return profile::check_subject(*before, options.compare, subject);
    };
  }
  EF_TRY(const profile::Recording recording, is_random(options)
                                                 ? profile_random(options, runtime, how)
                                                 : profile_model(options, runtime, how));
  bar.clear();
  std::optional<profile::Comparison> comparison;
  if (before) {
    EF_TRY(comparison, profile::compare(*before, options.compare, recording.profile));
  }
  EF_TRY_STATUS(write_files(options, recording, comparison ? &*comparison : nullptr));
  if (options.json == "-") {
    fmt::print("{}", profile::profile_json(recording.profile));
    return {};
  }
  fmt::print("{}", profile::profile_table(recording.profile));
  if (comparison) fmt::print("{}", profile::comparison_table(*comparison));
  return {};
}

}  // namespace

Action declare_profile(CLI::App& app) {
  auto options = std::make_shared<Options>();
  declare_options(app, *options);
  return [options](const CommonOptions& common) { return run_profile(*options, common); };
}

}  // namespace edgefusion::cli
