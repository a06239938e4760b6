#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/runtime.h"
#include "core/tensor.h"
#include "formats/image.h"
#include "pipeline/model.h"
#include "pipeline/resolved_request.h"
#include "pipeline/text_to_image.h"

namespace edgefusion::quant {

/// How the prompts are painted. Absent values are the model's defaults.
struct TrialOptions {
  std::optional<int> steps;
  std::optional<int> width, height;
  uint64_t seed = 0;  ///< prompt i has seed + i
  const std::atomic<bool>* cancel = nullptr;
};

/// One way to run a network: with what weights, in what precision.
struct Variant {
  std::shared_ptr<const pipeline::Model> model;
  engine::Precision precision = engine::Precision::f32;
  const pipeline::ModelQuantization* quantization = nullptr;    ///< of precision int8
  decltype(pipeline::GenerationRequest::observe) observe = {};  ///< of f32
};

/// The same prompts with the same noise, painted again and again by variants of a model, each
/// network by itself.
class PictureTrials {
 public:
  /// Errors: those of resolve_request, with the number of the prompt.
  static Result<PictureTrials> make(std::shared_ptr<const pipeline::Model> model,
                                    std::span<const std::string> prompts,
                                    const TrialOptions& options, const Runtime& runtime);

  size_t size() const { return requests_.size(); }
  int steps() const { return resolved_.front().steps; }
  const std::string& prompt(size_t i) const { return requests_[i]->prompt; }
  /// Latents of a picture, [1,C,H,W].
  const Shape& latent_shape() const { return resolved_.front().latents; }

  /// Text states of each prompt.
  Result<std::vector<Tensor>> encode(const Variant& variant) const;
  /// Final latents of each prompt. Errors: also values that are not finite.
  Result<std::vector<Tensor>> denoise(const Variant& variant,
                                      std::span<const Tensor> text_states) const;
  Result<std::vector<formats::Image>> decode(const Variant& variant,
                                             std::span<const Tensor> latents) const;

 private:
  PictureTrials(std::shared_ptr<const pipeline::Model> model, const TrialOptions& options,
                const Runtime& runtime)
      : model_(std::move(model)), options_(options), runtime_(&runtime) {}

  Result<engine::Program> compile(Result<graph::Graph> graph, const Variant& variant,
                                  const char* role,
                                  const pipeline::GenerationRequest& request) const;
  /// The first request as the variant wants it.
  pipeline::GenerationRequest request_of(const Variant& variant) const;
  Status check_cancelled() const;

  std::shared_ptr<const pipeline::Model> model_;
  TrialOptions options_;
  const Runtime* runtime_;
  // resolved_[i] refers to requests_[i]
  std::vector<std::unique_ptr<pipeline::GenerationRequest>> requests_;
  std::vector<pipeline::ResolvedRequest> resolved_;
};

}  // namespace edgefusion::quant
