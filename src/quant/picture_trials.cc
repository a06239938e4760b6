#include "quant/picture_trials.h"

#include <algorithm>
#include <utility>

#include "diffusion/sampler.h"
#include "pipeline/compile_options.h"
#include "pipeline/denoising.h"
#include "pipeline/network_runner.h"
#include "pipeline/pixels.h"
#include "pipeline/unet_programs.h"

namespace edgefusion::quant {
namespace {

using pipeline::GenerationRequest;
using pipeline::NamedTensors;

}  // namespace

Result<PictureTrials> PictureTrials::make(std::shared_ptr<const pipeline::Model> model,
                                          std::span<const std::string> prompts,
                                          const TrialOptions& options, const Runtime& runtime) {
  PictureTrials trials(std::move(model), options, runtime);
  for (size_t i = 0; i < prompts.size(); ++i) {
    auto request = std::make_unique<GenerationRequest>();
    request->prompt = prompts[i];
    request->steps = options.steps;
    request->width = options.width;
    request->height = options.height;
    request->seed = options.seed + i;
    auto resolved = pipeline::resolve_request(*trials.model_, *request);
    if (!resolved) {
      return fail(std::move(resolved).error().with_context("prompt " + std::to_string(i + 1)));
    }
    trials.resolved_.push_back(std::move(*resolved));
    trials.requests_.push_back(std::move(request));
  }
  return trials;
}

GenerationRequest PictureTrials::request_of(const Variant& variant) const {
  GenerationRequest request = *requests_.front();
  request.precision = variant.precision;
  request.quantization = variant.quantization;
  request.observe = variant.observe;
  return request;
}

Status PictureTrials::check_cancelled() const {
  const bool stopped = options_.cancel != nullptr && options_.cancel->load();
  return stopped ? Status(fail(ErrorCode::cancelled, "cancelled")) : Status();
}

Result<engine::Program> PictureTrials::compile(Result<graph::Graph> graph, const Variant& variant,
                                               const char* role,
                                               const GenerationRequest& request) const {
  if (!graph) return fail(std::move(graph).error());
  return engine::compile(std::move(*graph), *variant.model->network(role).weights,
                         pipeline::compile_options(*variant.model, request, role), *runtime_);
}

Result<std::vector<Tensor>> PictureTrials::encode(const Variant& variant) const {
  const GenerationRequest request = request_of(variant);
  const pipeline::ResolvedRequest& first = resolved_.front();
  EF_TRY(engine::Program program, compile(variant.model->text_encoder_graph(first.prompts(), 0),
                                          variant, "text_encoder", request));
  std::vector<Tensor> states;
  for (const auto& resolved : resolved_) {
    EF_TRY_STATUS(check_cancelled());
    NamedTensors inputs;
    inputs["input_ids"] = resolved.input_ids;
    EF_TRY(NamedTensors outputs, pipeline::run_network(program, inputs, *runtime_->pool));
    states.push_back(std::move(outputs.at("last_hidden_state")));
    EF_TRY_STATUS(pipeline::check_finite(states.back().values<float>(), "text_encoder"));
  }
  return states;
}

Result<std::vector<Tensor>> PictureTrials::denoise(const Variant& variant,
                                                   std::span<const Tensor> text_states) const {
  const GenerationRequest request = request_of(variant);
  EF_TRY(const auto like_first, pipeline::resolve_request(*variant.model, request));
  EF_TRY(auto unet, pipeline::compile_unet(*variant.model, like_first, *runtime_));
  pipeline::Denoising denoising(*variant.model, like_first, std::move(unet), text_states.front(),
                                true);
  std::vector<Tensor> result;
  for (size_t i = 0; i < resolved_.size(); ++i) {
    EF_TRY_STATUS(check_cancelled());
    if (i > 0) denoising.restart(text_states[i]);
    const pipeline::ResolvedRequest& resolved = resolved_[i];
    const auto noise = diffusion::make_noise_generator(
        requests_[i]->seed, {.device = request.rng, .seeds = request.batch_seeds, .images = 1});
    std::vector<float> first(static_cast<size_t>(resolved.latents.elements()));
    noise->randn(first);
    EF_TRY(const diffusion::Latents latents,
           diffusion::sample(
               *resolved.scheduler,
               [&](std::span<const float> input, float timestep, size_t, std::span<float> output) {
                 return denoising.run(input, timestep, *runtime_->pool, output);
               },
               diffusion::initial_latents(*resolved.scheduler, first), *noise));
    result.push_back(Tensor::from_f32(resolved.latents, latents));
  }
  return result;
}

Result<std::vector<formats::Image>> PictureTrials::decode(const Variant& variant,
                                                          std::span<const Tensor> latents) const {
  const GenerationRequest request = request_of(variant);
  const Shape& shape = latent_shape();
  EF_TRY(engine::Program program,
         compile(variant.model->decoder_graph(1, shape[2], shape[3]), variant, "vae", request));
  std::vector<formats::Image> images;
  for (const Tensor& latent : latents) {
    EF_TRY_STATUS(check_cancelled());
    Tensor scaled = latent;
    for (float& value : scaled.values<float>()) {
      value /= variant.model->latent_space().scaling_factor;
    }
    NamedTensors inputs;
    inputs["latent"] = nchw_to_nhwc(scaled.view());
    EF_TRY(const NamedTensors outputs, pipeline::run_network(program, inputs, *runtime_->pool));
    const Tensor& pixels = outputs.at("image");
    EF_TRY_STATUS(pipeline::check_finite(pixels.values<float>(), "vae"));
    images.push_back(pipeline::to_image(pixels));
  }
  return images;
}

}  // namespace edgefusion::quant
