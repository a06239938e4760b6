#include "pipeline/resolved_request.h"

#include <algorithm>
#include <cmath>

#include "diffusion/guidance.h"
#include "diffusion/scheduler_config.h"

namespace edgefusion::pipeline {
namespace {

// Far beyond any use; keeps sizes inside what the graph builder takes.
constexpr int kMostSide = 8192;
constexpr int kMostBatch = 64;

Status check_side(const char* name, int pixels, int64_t multiple) {
  if (pixels >= multiple && pixels <= kMostSide && pixels % multiple == 0) return {};
  return fail(ErrorCode::invalid_argument,
              std::string(name) + " " + std::to_string(pixels) + ": expected a multiple of " +
                  std::to_string(multiple) + " from " + std::to_string(multiple) + " to " +
                  std::to_string(kMostSide));
}

Status check_options(const GenerationRequest& request, const ResolvedRequest& resolved,
                     const LatentSpace& space) {
  EF_TRY_STATUS(check_side("width", resolved.width, space.pixels_per_latent));
  EF_TRY_STATUS(check_side("height", resolved.height, space.pixels_per_latent));
  if (request.batch < 1 || request.batch > kMostBatch) {
    return fail(ErrorCode::invalid_argument, "batch " + std::to_string(request.batch) +
                                                 ": expected 1 to " + std::to_string(kMostBatch));
  }
  if (!std::isfinite(resolved.guidance_scale) || resolved.guidance_scale < 0) {
    return fail(ErrorCode::invalid_argument, "guidance scale " +
                                                 std::to_string(resolved.guidance_scale) +
                                                 ": expected a finite number, 0 or more");
  }
  return {};
}

/// Without the template, whose length would shift the offset the message names. The negative prompt
/// is written into pictures also where it does not guide.
Status check_texts(const Model& model, const GenerationRequest& request) {
  auto prompt = model.tokenizer().encode(request.prompt);
  if (!prompt) return fail(std::move(prompt).error().with_context("prompt"));
  auto negative = model.tokenizer().encode(request.negative_prompt);
  if (!negative) return fail(std::move(negative).error().with_context("negative prompt"));
  return {};
}

/// Ids of one text at the model's length, into its row.
Result<int64_t> tokenize_into(const Model& model, const std::string& text, const char* what,
                              std::span<int32_t> row) {
  auto ids = model.tokenizer().encode(text);
  if (!ids) return fail(std::move(ids).error().with_context(what));
  const text::FittedIds fitted =
      model.tokenizer().pad_or_truncate(*ids, static_cast<int64_t>(row.size()));
  std::ranges::copy(fitted.ids, row.begin());
  return fitted.cut_tokens;
}

Status tokenize(const Model& model, ResolvedRequest& resolved) {
  const int64_t tokens = model.text_tokens();
  resolved.input_ids = Tensor(Shape{resolved.prompts(), tokens}, DType::i32);
  const auto ids = resolved.input_ids.values<int32_t>();
  const auto length = static_cast<size_t>(tokens);
  if (resolved.guided) {
    EF_TRY_STATUS(
        tokenize_into(model, resolved.request.negative_prompt, "negative prompt", ids.first(length))
            .map([](int64_t) {}));
  }
  const std::string prompt = model.defaults().apply_template(resolved.request.prompt);
  EF_TRY(resolved.cut_tokens, tokenize_into(model, prompt, "prompt", ids.last(length)));
  return {};
}

/// The model's scheduler file as its pipeline in diffusers would use it.
nlohmann::json scheduler_config_for(const Model& model, const std::string& scheduler_name) {
  if (!model.folder().pipeline_class.starts_with("StableDiffusion")) {
    return model.scheduler_config();
  }
  return diffusion::without_outdated_values(model.scheduler_config(),
                                            scheduler_name == model.defaults().scheduler);
}

}  // namespace

Result<ResolvedRequest> resolve_request(const Model& model, const GenerationRequest& request) {
  const GenerationDefaults& defaults = model.defaults();
  const LatentSpace& space = model.latent_space();
  ResolvedRequest resolved{
      .request = request,
      .steps = request.steps.value_or(defaults.steps),
      .guidance_scale = request.guidance_scale.value_or(defaults.guidance_scale),
      .width = request.width.value_or(defaults.width),
      .height = request.height.value_or(defaults.height),
      .scheduler_name = request.scheduler.value_or(defaults.scheduler),
      .scheduler = nullptr,
      .guided = false,
      .input_ids = {},
      .cut_tokens = 0,
      .latents = {}};
  EF_TRY_STATUS(check_options(request, resolved, space));
  EF_TRY_STATUS(check_texts(model, request));
  const formats::ModelFolder& folder = model.folder();
  const diffusion::SchedulerOptions options = {
      .steps = resolved.steps, .images = request.batch, .config_origin = folder.scheduler_origin};
  EF_TRY(resolved.scheduler,
         diffusion::make_scheduler(resolved.scheduler_name,
                                   scheduler_config_for(model, resolved.scheduler_name), options));
  resolved.guided =
      diffusion::needs_guidance(resolved.guidance_scale, model.unet().time_cond_width != 0);
  resolved.latents = Shape{request.batch, space.channels, resolved.height / space.pixels_per_latent,
                           resolved.width / space.pixels_per_latent};
  EF_TRY_STATUS(tokenize(model, resolved));
  return resolved;
}

}  // namespace edgefusion::pipeline
