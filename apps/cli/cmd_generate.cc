#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/cache_folder.h"
#include "cli/command.h"
#include "cli/default_model.h"
#include "cli/generation_parameters.h"
#include "cli/interrupt.h"
#include "cli/memory_size.h"
#include "cli/output_file.h"
#include "cli/progress_bar.h"
#include "cli/seed_option.h"
#include "core/atomic_file.h"
#include "formats/png.h"
#include "formats/safetensors_writer.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  pipeline::GenerationRequest request;
  std::string model, out = "edgefusion.png", precision = "auto", rng = "cpu";
  std::string memory_limit, save_latents;
  std::optional<uint64_t> seed;
  bool seed_per_image = false, preview = false, json = false, no_cache = false;
};

void declare_options(CLI::App& app, Options& options) {
  pipeline::GenerationRequest& request = options.request;
  app.add_option("-p,--prompt", request.prompt, "What to paint")->required();
  app.add_option("-n,--negative-prompt", request.negative_prompt,
                 "What to avoid (with --cfg-scale above 1)");
  app.add_option(
      "-m,--model", options.model,
      "Model folder in the diffusers layout, or bundle [the model that comes with the program]");
  app.add_option("--steps", request.steps, "Denoising steps [the model's]");
  app.add_option("--cfg-scale", request.guidance_scale, "Guidance scale [the model's]");
  app.add_option("-s,--seed", options.seed, "Seed of the noise [a random one, printed]")
      ->check(is_seed);
  app.add_option("-W,--width", request.width,
                 "Pixels, a multiple of 8 for most models [the model's]");
  app.add_option("-H,--height", request.height,
                 "Pixels, a multiple of 8 for most models [the model's]");
  app.add_option("-b,--batch", request.batch, "Pictures at once")->capture_default_str();
  app.add_flag("--seed-per-image", options.seed_per_image,
               "Picture i of a batch has the noise of seed + i");
  app.add_option("--scheduler", request.scheduler,
                 "lcm, ddim, euler, euler_a, dpmpp2m, dpmpp2m_karras, ... [the model's]");
  app.add_option("--clip-skip", request.clip_skip, "Leave out the last layers of the text encoder")
      ->check(CLI::Range(0, 100));
  app.add_option("--precision", options.precision, "auto, f32, bf16 or int8 (a quantised model's own)")->capture_default_str();
  app.add_option("--rng", options.rng, "Noise of PyTorch's cpu or cuda generator")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option(
      "--memory-limit", options.memory_limit,
      "Memory the process may take, e.g. 900M; weights are read step by step if need be");
  app.add_flag("--no-cache", options.no_cache,
               "Pack the weights anew and keep no packed ones for the next start");
  app.add_option("--save-latents", options.save_latents, "Write the final latents (safetensors)");
  app.add_flag("--preview", options.preview,
               "Write the picture so far beside the output after each step (NAME.preview.png)");
  app.add_flag("--json", options.json, "Print what was made as JSON");
  app.add_option("-o,--output", options.out, "PNG to write")->capture_default_str();
  app.footer("Example: edgefusion generate -p \"a red apple\" -s 7 -o apple.png");
}

/// OUT.png, or OUT-1.png, OUT-2.png, ... for a batch.
fs::path image_path(const Options& options, int image) {
  const fs::path out = options.out;
  if (options.request.batch == 1) return out;
  return out.parent_path() /
         fmt::format("{}-{}{}", out.stem().string(), image + 1, out.extension().string());
}

fs::path preview_path(const Options& options) {
  const fs::path out = options.out;
  return out.parent_path() / (out.stem().string() + ".preview.png");
}

Status complete_request(Options& options) {
  pipeline::GenerationRequest& request = options.request;
  if (!options.memory_limit.empty()) {
    auto limit = parse_memory_size(options.memory_limit);
    if (!limit) return fail(std::move(limit).error().with_context("--memory-limit"));
    request.memory_limit_bytes = *limit;
  }
  request.seed = options.seed.value_or(std::random_device()());
  request.rng = options.rng == "cuda" ? diffusion::NoiseDevice::cuda : diffusion::NoiseDevice::cpu;
  if (options.seed_per_image) request.batch_seeds = diffusion::BatchSeeds::per_image;
  EF_TRY_STATUS(check_output(options.out));
  if (!options.save_latents.empty()) EF_TRY_STATUS(check_output(options.save_latents));
  return {};
}

std::vector<fs::path> output_paths(const Options& options) {
  std::vector<fs::path> paths;
  for (int i = 0; i < options.request.batch; ++i) paths.push_back(image_path(options, i));
  return paths;
}

Result<AtomicFile> write_picture(const Options& options, const pipeline::GenerationResult& result,
                                 const std::string& model_name, int index) {
  const fs::path path = image_path(options, index);
  const formats::PngText parameters = {
      "parameters", generation_parameters(options.request, result, model_name, index)};
  auto bytes = formats::encode_png(result.images[static_cast<size_t>(index)], {&parameters, 1});
  if (!bytes) return fail(std::move(bytes).error().with_context(path.string()));
  EF_TRY(AtomicFile file, AtomicFile::create(path));
  EF_TRY_STATUS(file.write(*bytes));
  return file;
}

/// All files or none, and files of the same names live on if it is none: the pictures take their
/// names only when everything is on the disk.
Status write_results(const Options& options, const pipeline::GenerationResult& result,
                     const std::string& model_name) {
  std::vector<AtomicFile> pictures;
  for (int i = 0; i < options.request.batch; ++i) {
    EF_TRY(AtomicFile picture, write_picture(options, result, model_name, i));
    pictures.push_back(std::move(picture));
  }
  if (!options.save_latents.empty()) {
    EF_TRY_STATUS(
        formats::write_safetensors(options.save_latents, {{"latents", result.latents.view()}}));
  }
  for (AtomicFile& picture : pictures) EF_TRY_STATUS(picture.commit());
  return {};
}

void print_times(const pipeline::GenerationResult& result, uint64_t seed) {
  double total = 0;
  for (const auto& [stage, seconds] : result.times) {
    fmt::print(stderr, "{:<18} {:8.1f} ms\n", to_string(stage), seconds * 1e3);
    total += seconds;
  }
  fmt::print(stderr, "{:<18} {:8.1f} ms   {}x{}, {} steps, {}, seed {}\n", "total", total * 1e3,
             result.width, result.height, result.steps, result.scheduler, seed);
}

void print_json(const Options& options, const pipeline::GenerationResult& result) {
  nlohmann::json json;
  for (const fs::path& path : output_paths(options)) json["files"].push_back(path.string());
  json["seed"] = options.request.seed;
  json["steps"] = result.steps;
  json["scheduler"] = result.scheduler;
  json["guidance_scale"] = result.guidance_scale;
  json["width"] = result.width;
  json["height"] = result.height;
  json["cut_tokens"] = result.cut_tokens;
  for (const auto& [stage, seconds] : result.times) {
    json["stages"].push_back({{"stage", to_string(stage)}, {"ms", seconds * 1e3}});
  }
  fmt::print("{}\n", json.dump(1));
}

Status generate(Options& options, const CommonOptions& common) {
  EF_TRY(const Runtime runtime, make_runtime(common));
  EF_TRY_STATUS(complete_request(options));
  const fs::path folder = model_or_default(options.model);
  EF_TRY(auto model, pipeline::Model::open(folder));
  EF_TRY(options.request.precision,
         pipeline::choose_precision(options.precision, model->folder(), runtime.isa));
  std::optional<pipeline::PackedCache> cache;
  if (const auto place = options.no_cache ? std::nullopt : cache_folder(options.model)) {
    cache.emplace(pipeline::PackedCacheOptions{.folder = *place}, runtime);
  }
  const pipeline::TextToImage painter(std::move(model), runtime, cache ? &*cache : nullptr);
  ProgressBar bar;
  pipeline::GenerationRequest& request = options.request;
  request.progress = [&](pipeline::Stage stage, size_t done, size_t total) {
    bar.update(to_string(stage), done, total);
  };
  if (options.preview) {
    request.preview = [&](size_t, const formats::Image& image) {
      return formats::write_png(preview_path(options), image);
    };
  }
  catch_interrupts();
  request.cancel = &interrupt_flag();
  EF_TRY(const pipeline::GenerationResult result, painter.generate(request));
  bar.clear();
  EF_TRY_STATUS(write_results(options, result, fs::weakly_canonical(folder).filename().string()));
  if (result.cut_tokens != 0) {
    runtime.log(LogLevel::warn, fmt::format("the prompt's last {} tokens did not fit and were cut",
                                            result.cut_tokens));
  }
  print_times(result, request.seed);
  if (options.json) {
    print_json(options, result);
  } else {
    for (const fs::path& path : output_paths(options)) fmt::print("{}\n", path.string());
  }
  return {};
}

}  // namespace

Action declare_generate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  declare_options(app, *options);
  return [options](const CommonOptions& common) { return generate(*options, common); };
}

}  // namespace edgefusion::cli
