#include "pipeline/text_to_image.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/process_memory.h"
#include "core/trace.h"
#include "diffusion/sampler.h"
#include "pipeline/bundle_regions.h"
#include "pipeline/compile_options.h"
#include "pipeline/denoising.h"
#include "pipeline/network_runner.h"
#include "pipeline/pixels.h"
#include "pipeline/resolved_request.h"
#include "pipeline/unet_programs.h"

namespace edgefusion::pipeline {
namespace {

/// One request on its way: what the stages share.
class Generation {
 public:
  Generation(const Model& model, const Runtime& runtime, PackedCache* cache,
             const ResolvedRequest& resolved, const WeightBudgets& budgets)
      : model_(model),
        runtime_(runtime),
        cache_(cache),
        resolved_(resolved),
        budgets_(budgets),
        request_(resolved.request) {}

  Result<GenerationResult> run() {
    EF_TRY(const Tensor text_states, encode_text());
    EF_TRY(result_.latents, denoise(text_states));
    EF_TRY_STATUS(decode());
    result_.cut_tokens = resolved_.cut_tokens;
    result_.steps = resolved_.steps;
    result_.width = resolved_.width;
    result_.height = resolved_.height;
    result_.guidance_scale = resolved_.guidance_scale;
    result_.scheduler = resolved_.scheduler_name;
    return std::move(result_);
  }

 private:
  /// Runs `work`, keeping its time under `stage`.
  template <typename Work>
  auto timed(Stage stage, const Work& work) -> decltype(work()) {
    if (request_.cancel != nullptr && request_.cancel->load()) {
      return fail(ErrorCode::cancelled, "cancelled");
    }
    report(stage, 0, 1);
    const auto start = std::chrono::steady_clock::now();
    auto result = [&] {
      const TraceScope span(trace(), SpanKind::stage, to_string(stage));
      return work();
    }();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    result_.times.push_back({stage, elapsed.count()});
    return result;
  }

  Trace* trace() const { return runtime_.pool->trace(); }

  void report(Stage stage, size_t done, size_t total) const {
    if (request_.progress) request_.progress(stage, done, total);
  }

  /// Where packed weights are kept: in the model's bundle, in the cache, or nowhere (null).
  std::unique_ptr<engine::PackedRegions> regions_of(const TensorSource& weights,
                                                    bool any_size) const {
    auto regions = cache_ == nullptr ? nullptr : cache_->of(weights, any_size);
    const auto& bundle = model_.folder().bundle;
    return bundle == nullptr ? std::move(regions) : regions_of_bundle(bundle, std::move(regions));
  }

  Result<engine::Program> compile(Result<graph::Graph> graph, const char* role,
                                  std::optional<int64_t> weight_budget) const {
    if (!graph) return fail(std::move(graph).error());
    const TensorSource& weights = *model_.network(role).weights;
    const auto regions = regions_of(weights, weight_budget.has_value());
    engine::CompileOptions options = compile_options(model_, request_, role);
    options.regions = regions.get();
    options.resident_weight_bytes = weight_budget;
    EF_TRY(engine::Program program, engine::compile(std::move(*graph), weights, options, runtime_));
    tell(program);
    return program;
  }

  void tell(const engine::Program& program) const {
    if (request_.compiled) request_.compiled(program);
  }

  Result<Tensor> encode_text() {
    EF_TRY(engine::Program program, timed(Stage::load_text_encoder, [&] {
             return compile(model_.text_encoder_graph(resolved_.prompts(), request_.clip_skip),
                            "text_encoder", budgets_.text_encoder);
           }));
    NamedTensors inputs;
    inputs["input_ids"] = resolved_.input_ids;
    EF_TRY(NamedTensors outputs, timed(Stage::text_encoder, [&] {
             return run_network(program, inputs, *runtime_.pool);
           }));
    Tensor states = std::move(outputs.at("last_hidden_state"));
    EF_TRY_STATUS(check_finite(states.values<float>(), "text_encoder"));
    return states;
  }

  Result<Tensor> denoise(const Tensor& text_states) {
    const Shape& shape = resolved_.latents;
    EF_TRY(UNetPrograms unet, timed(Stage::load_unet, [&] {
             const auto regions =
                 regions_of(*model_.network("unet").weights, budgets_.unet.has_value());
             return compile_unet(model_, resolved_, runtime_, {regions.get(), budgets_.unet});
           }));
    for (const auto* part : {&unet.once, &unet.timestep}) {
      if (*part) tell(**part);
    }
    tell(unet.step);
    if (request_.preview) EF_TRY_STATUS(load_decoder());
    Denoising denoising(model_, resolved_, std::move(unet), text_states);
    const auto noise = diffusion::make_noise_generator(
        request_.seed,
        {.device = request_.rng, .seeds = request_.batch_seeds, .images = request_.batch});
    std::vector<float> first(static_cast<size_t>(shape.elements()));
    noise->randn(first);
    Status previews;
    EF_TRY(const diffusion::Latents latents, timed(Stage::unet, [&] {
             return diffusion::sample(
                 *resolved_.scheduler,
                 [&](std::span<const float> input, float timestep, size_t,
                     std::span<float> output) -> Status {
                   EF_TRY_STATUS(previews);
                   auto status = denoising.run(input, timestep, *runtime_.pool, output);
                   if (trace() != nullptr) denoised_ns_ = trace()->now();
                   return status;
                 },
                 diffusion::initial_latents(*resolved_.scheduler, first), *noise,
                 sample_options(previews));
           }));
    EF_TRY_STATUS(previews);
    return Tensor::from_f32(shape, latents);
  }

  diffusion::SampleOptions sample_options(Status& previews) {
    diffusion::SampleOptions options;
    options.cancel = request_.cancel;
    options.after_step = [&](size_t done, size_t total, std::span<float> latents) {
      if (trace() != nullptr) {
        const int32_t label = trace()->label("scheduler step");
        trace()->add(0, {denoised_ns_, trace()->now(), label, -1, SpanKind::host});
      }
      report(Stage::unet, done, total);
      if (request_.preview && previews && done < total) previews = preview(done, latents);
    };
    return options;
  }

  Status preview(size_t step, std::span<const float> latents) {
    EF_TRY(const formats::Image image, decode_one(latents, 0));
    return request_.preview(step, image);
  }

  Status load_decoder() {
    if (decoder_) return {};
    const Shape& shape = resolved_.latents;
    EF_TRY(decoder_, timed(Stage::load_decoder, [&] {
             return compile(model_.decoder_graph(1, shape[2], shape[3]), "vae", budgets_.decoder);
           }));
    return {};
  }

  /// Pictures one by one: the decoder is the hungriest network and gains nothing from a batch.
  Status decode() {
    EF_TRY_STATUS(load_decoder());
    return timed(Stage::decoder, [&]() -> Status {
      const int64_t images = resolved_.latents[0];
      for (int64_t image = 0; image < images; ++image) {
        EF_TRY(formats::Image decoded, decode_one(result_.latents.values<float>(), image));
        result_.images.push_back(std::move(decoded));
        report(Stage::decoder, static_cast<size_t>(image) + 1, static_cast<size_t>(images));
      }
      return {};
    });
  }

  Result<formats::Image> decode_one(std::span<const float> latents, int64_t image) {
    Shape shape = resolved_.latents;
    shape.set(0, 1);
    const auto count = static_cast<size_t>(shape.elements());
    Tensor latent =
        Tensor::from_f32(shape, latents.subspan(static_cast<size_t>(image) * count, count));
    for (float& value : latent.values<float>()) value /= model_.latent_space().scaling_factor;
    NamedTensors inputs;
    inputs["latent"] = nchw_to_nhwc(latent.view());
    EF_TRY(const NamedTensors outputs, run_network(*decoder_, inputs, *runtime_.pool));
    const TraceScope span(trace(), SpanKind::host, "8-bit pixels");
    const Tensor& pixels = outputs.at("image");
    EF_TRY_STATUS(check_finite(pixels.values<float>(), "vae"));
    return to_image(pixels);
  }

  const Model& model_;
  const Runtime& runtime_;
  PackedCache* cache_;
  const ResolvedRequest& resolved_;
  const WeightBudgets& budgets_;
  const GenerationRequest& request_;
  std::optional<engine::Program> decoder_;
  GenerationResult result_;
  int64_t denoised_ns_ = 0;  ///< when the network was done with a step, in the trace
};

Result<engine::MemoryForecast> forecast_network(Result<graph::Graph> graph, const Model& model,
                                                const char* role, const GenerationRequest& request,
                                                const Runtime& runtime) {
  if (!graph) return fail(std::move(graph).error());
  return engine::forecast(std::move(*graph), model.network(role).weights.get(),
                          compile_options(model, request, role), runtime);
}

/// What pictures take outside of the networks: latents and states are small, pixels are not.
int64_t picture_bytes(const ResolvedRequest& resolved) {
  constexpr int64_t kSmallThings = int64_t{2} << 20;
  const int64_t values = int64_t{3} * resolved.width * resolved.height;
  return kSmallThings + values * (4 + 2 * resolved.latents[0]);
}

Result<GenerationForecast> forecast_resolved(const Model& model, const Runtime& runtime,
                                             const ResolvedRequest& resolved) {
  const GenerationRequest& request = resolved.request;
  const int64_t height = resolved.latents[2], width = resolved.latents[3];
  GenerationForecast result;
  EF_TRY(result.text_encoder,
         forecast_network(model.text_encoder_graph(resolved.prompts(), request.clip_skip), model,
                          "text_encoder", request, runtime));
  EF_TRY(result.unet, forecast_unet(model, resolved, runtime));
  EF_TRY(result.decoder,
         forecast_network(model.decoder_graph(1, height, width), model, "vae", request, runtime));
  result.previews = static_cast<bool>(request.preview);
  result.used_bytes = resident_bytes();
  result.picture_bytes = picture_bytes(resolved);
  return result;
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::load_text_encoder:
      return "load text encoder";
    case Stage::text_encoder:
      return "text encoder";
    case Stage::load_unet:
      return "load U-Net";
    case Stage::unet:
      return "U-Net";
    case Stage::load_decoder:
      return "load decoder";
    case Stage::decoder:
      return "decoder";
  }
  return "?";
}

Result<GenerationForecast> TextToImage::forecast(const GenerationRequest& request) const {
  EF_TRY(const ResolvedRequest resolved, resolve_request(*model_, request));
  return forecast_resolved(*model_, runtime_, resolved);
}

Result<GenerationResult> TextToImage::generate(const GenerationRequest& request) const {
  EF_TRY(const ResolvedRequest resolved, resolve_request(*model_, request));
  EF_TRY(const GenerationForecast forecast, forecast_resolved(*model_, runtime_, resolved));
  WeightBudgets budgets;
  if (request.memory_limit_bytes) {
    EF_TRY(budgets,
           fit_into_memory(forecast, *request.memory_limit_bytes, cache_ != nullptr, runtime_.log));
  }
  return Generation(*model_, runtime_, cache_, resolved, budgets).run();
}

}  // namespace edgefusion::pipeline
