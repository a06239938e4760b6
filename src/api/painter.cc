#include <string>
#include <utility>

#include "core/runtime.h"
#include "edgefusion/edgefusion.h"
#include "pipeline/text_to_image.h"

namespace edgefusion {

// Runtime first: the pipeline holds a reference to it.
struct Painter::Parts {
  Parts(Runtime r, std::shared_ptr<const pipeline::Model> model)
      : runtime(std::move(r)), text_to_image(std::move(model), runtime) {}

  Runtime runtime;
  pipeline::TextToImage text_to_image;
};

namespace {

pipeline::GenerationRequest to_pipeline(const PaintRequest& request) {
  pipeline::GenerationRequest result;
  result.prompt = request.prompt;
  result.negative_prompt = request.negative_prompt;
  result.steps = request.steps;
  result.guidance_scale = request.guidance_scale;
  result.width = request.width;
  result.height = request.height;
  result.scheduler = request.scheduler;
  result.seed = request.seed;
  result.batch = request.batch;
  result.cancel = request.cancel;
  if (request.progress) {
    result.progress = [&progress = request.progress](pipeline::Stage stage, size_t done,
                                                     size_t total) {
      progress(to_string(stage), done, total);
    };
  }
  return result;
}

PaintOutcome failure(const Error& error) {
  PaintOutcome outcome;
  outcome.error = error.message();
  outcome.cancelled = error.code() == ErrorCode::cancelled;
  return outcome;
}

}  // namespace

Painter::Painter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Painter::Painter(Painter&&) noexcept = default;
Painter& Painter::operator=(Painter&&) noexcept = default;
Painter::~Painter() = default;

std::optional<Painter> Painter::open(const std::string& folder, const PainterOptions& options,
                                     std::string* error) {
  const auto refuse = [error](const Error& why) {
    if (error != nullptr) *error = why.message();
    return std::nullopt;
  };
  if (options.threads < 0) {
    return refuse(Error(ErrorCode::invalid_argument,
                        "threads: " + std::to_string(options.threads) + ", expected 0 or more"));
  }
  // A library keeps silent: what matters comes back as an error.
  auto runtime = Runtime::make(options.threads, options.isa, [](LogLevel, std::string_view) {});
  if (!runtime) return refuse(runtime.error());
  auto model = pipeline::Model::open(folder);
  if (!model) return refuse(model.error());
  return Painter(std::make_unique<Parts>(std::move(*runtime), std::move(*model)));
}

PaintOutcome Painter::paint(const PaintRequest& request) const {
  pipeline::GenerationRequest wanted = to_pipeline(request);
  // A quantised model as it is meant to run; others in f32.
  if (parts_->text_to_image.model().is_quantized()) wanted.precision = engine::Precision::int8;
  auto result = parts_->text_to_image.generate(wanted);
  if (!result) return failure(result.error());
  PaintOutcome outcome;
  for (formats::Image& image : result->images) {
    outcome.pictures.push_back({image.width, image.height, std::move(image.pixels)});
  }
  return outcome;
}

}  // namespace edgefusion
