#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/testing/run_program.h"
#include "quant/calibration.h"
#include "quant/candidate.h"
#include "quant/model_layers.h"
#include "quant/picture_trials.h"

namespace edgefusion::quant {

/// The small model that comes along, painting one small picture in one step, with what calibration
/// saw of it. Nothing is copied or moved: the parts refer to each other.
class SmallTrials {
 public:
  SmallTrials() : calibration_(list_.layers) {
    const Variant exact = {
        .model = model_,
        .precision = engine::Precision::f32,
        .observe = [&](std::string_view network, std::string_view value, const ConstTensorView& x) {
          calibration_.observe(network, value, x);
        }};
    const auto states = trials_.encode(exact);
    EF_CHECK(states.has_value(), states.error().message());
    const auto latents = trials_.denoise(exact, *states);
    EF_CHECK(latents.has_value(), latents.error().message());
    EF_CHECK(trials_.decode(exact, *latents).has_value(), "the small model decodes");
  }
  SmallTrials(const SmallTrials&) = delete;

  const std::shared_ptr<const pipeline::Model>& model() const { return model_; }
  const Runtime& runtime() const { return runtime_; }
  const PictureTrials& trials() const { return trials_; }
  const LayerList& list() const { return list_; }
  const Calibration& calibration() const { return calibration_; }
  SchemeBook book() const { return {model_, list_, calibration_, {}}; }

  /// Index of the first layer that can have the scheme.
  size_t layer_with(graph::Scheme scheme, const std::string& network = "unet") const {
    for (size_t i = 0; i < list_.layers.size(); ++i) {
      const Layer& layer = list_.layers[i];
      if (layer.network == network && std::ranges::count(layer.schemes, scheme) != 0) return i;
    }
    EF_CHECK(false, network + " has no layer for " + std::string(to_string(scheme)));
    return 0;
  }

 private:
  template <typename T>
  static T value_of(Result<T> result) {
    EF_CHECK(result.has_value(), result.error().message());
    return std::move(*result);
  }

  std::shared_ptr<const pipeline::Model> model_ =
      value_of(pipeline::Model::open(EF_SOURCE_DIR "/models/emoji-v0"));
  Runtime runtime_ = engine::make_runtime(2);
  std::vector<std::string> prompts_ = {"a red apple"};
  PictureTrials trials_ = value_of(
      PictureTrials::make(model_, prompts_, {.steps = 1, .width = 64, .height = 64}, runtime_));
  LayerList list_ = value_of(model_layers(*model_, trials_.latent_shape()));
  Calibration calibration_;
};

}  // namespace edgefusion::quant
