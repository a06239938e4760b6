#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "diffusion/noise.h"
#include "engine/program.h"
#include "formats/image.h"
#include "pipeline/memory_budget.h"
#include "pipeline/model.h"
#include "pipeline/packed_cache.h"

namespace edgefusion::pipeline {

enum class Stage : uint8_t {
  load_text_encoder,
  text_encoder,
  load_unet,
  unet,
  load_decoder,
  decoder
};
/// "load text encoder", "text encoder", ...
std::string_view to_string(Stage stage);

/// What the user asks for. Absent values are the model's defaults.
struct GenerationRequest {
  std::string prompt;           ///< UTF-8; what does not fit the text encoder is cut
  std::string negative_prompt;  ///< used when guidance runs the network twice
  std::optional<int> steps;
  std::optional<double> guidance_scale;  ///< as diffusers means it; 1 or less: no guidance
  std::optional<int> width, height;      ///< pixels, multiples of 8
  std::optional<std::string> scheduler;  ///< "lcm", "ddim", ...
  uint64_t seed = 0;
  int batch = 1;
  diffusion::NoiseDevice rng = diffusion::NoiseDevice::cpu;
  diffusion::BatchSeeds batch_seeds = diffusion::BatchSeeds::shared;
  int clip_skip = 0;
  engine::Precision precision = engine::Precision::f32;
  /// Of precision int8: instead of what the model says itself; must outlive the call.
  const ModelQuantization* quantization = nullptr;
  /// If set, sees every value of every network as it is made; precision f32.
  std::function<void(std::string_view network, std::string_view value, const ConstTensorView&)>
      observe;
  /// If set, sees every Program once it is ready and before it runs. What it and the request do
  /// when is in the trace of the runtime's pool, if that has one.
  std::function<void(const engine::Program&)> compiled;
  /// Of the whole process. What it takes to keep it is in memory_budget.h.
  std::optional<int64_t> memory_limit_bytes;

  /// Called on the caller's thread as work proceeds: done of total within a stage.
  std::function<void(Stage stage, size_t done, size_t total)> progress;
  /// If set, latents are decoded after each step but the last; an error it returns ends the run.
  std::function<Status(size_t step, const formats::Image& image)> preview;
  const std::atomic<bool>* cancel = nullptr;  ///< looked at between stages and steps
};

struct StageTime {
  Stage stage;
  double seconds;
};

struct GenerationResult {
  std::vector<formats::Image> images;  ///< RGB
  Tensor latents;                      ///< [N,C,H/8,W/8] f32, NCHW, scaled as the U-Net has them
  std::vector<StageTime> times;
  int64_t cut_tokens = 0;  ///< tokens of the prompt that did not fit
  // What absent values of the request became.
  int steps = 0, width = 0, height = 0;
  double guidance_scale = 0;
  std::string scheduler;
};

/// Text to image with one model. Networks are compiled for the request, one after the other, and
/// dropped after use, so that peak memory is that of the largest.
class TextToImage {
 public:
  /// `cache`, if given, must outlive this.
  TextToImage(std::shared_ptr<const Model> model, const Runtime& runtime,
              PackedCache* cache = nullptr)
      : model_(std::move(model)), runtime_(runtime), cache_(cache) {}

  const Model& model() const { return *model_; }

  /// Errors: invalid_argument (sizes, steps, scheduler, prompt that is no UTF-8), bad_file
  /// (weights), resource_exhausted (limit), cancelled, and a network whose result is not finite.
  Result<GenerationResult> generate(const GenerationRequest& request) const;

  /// What generate() would take, without doing it. Errors: as above where they show before work.
  Result<GenerationForecast> forecast(const GenerationRequest& request) const;

 private:
  std::shared_ptr<const Model> model_;
  const Runtime& runtime_;
  PackedCache* cache_;
};

}  // namespace edgefusion::pipeline
