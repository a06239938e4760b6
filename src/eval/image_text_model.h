#pragma once

#include <filesystem>

#include "engine/program.h"
#include "eval/feature_extractor.h"
#include "eval/text_vectors.h"
#include "models/image_tower_config.h"

namespace edgefusion::eval {

/// A model of `train image_text` as an extractor, run by the engine in f32. Its features are what
/// the image tower gives before the projection into the space shared with texts. Its class
/// probabilities are a softmax over the cosines to the classes' texts, at its own temperature.
class ImageTextModel final : public FeatureExtractor {
 public:
  /// folder: a checkpoint. `runtime` must outlive the model. Errors: those of its files;
  /// unsupported for a folder of something else.
  static Result<ImageTextModel> open(const std::filesystem::path& folder, const Runtime& runtime);

  std::string name() const override { return name_; }
  Result<PictureFeatures> of_pictures(std::span<const formats::Image> pictures) override;
  Result<Tensor> of_texts(std::span<const std::string> texts) override;
  Result<Tensor> class_probabilities(const PictureFeatures& pictures,
                                     std::span<const std::string> classes) override;

 private:
  ImageTextModel(const Runtime& runtime, models::ImageTowerConfig config, engine::Program tower,
                 TextVectors texts)
      : runtime_(runtime),
        config_(std::move(config)),
        tower_(std::move(tower)),
        texts_(std::move(texts)) {}
  Status run(std::span<const formats::Image> pictures, std::span<float> features,
             std::span<float> embeddings);

  const Runtime& runtime_;
  models::ImageTowerConfig config_;
  engine::Program tower_;  // of a batch of fixed size
  TextVectors texts_;
  Tensor text_projection_;  // [E,T]
  float scale_ = 1;         // of cosines
  std::string name_;
};

}  // namespace edgefusion::eval
